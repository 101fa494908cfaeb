"""`neglogp score`, held against transformers where it can be."""

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPT2LMHeadModel

from core import runs
from core.messages import Candidate, Prediction, Summary, Table, Token, compare
from core.tokenizer import gpt2
from tests.commands.command import PROMPT, STEPS, broken_model, neglogp, refused
from tui.report import Rival, ScoredBy, as_csv, rows
from tui.tableview import Beside, lines


def test_score_agrees_with_transformers_on_a_checkpoint_window_by_window(
    cat: Path, scored: dict[str, Any]
) -> None:
    oracle = GPT2LMHeadModel.from_pretrained(cat / f"checkpoint-{STEPS}").double().eval()
    ids = gpt2().encode(PROMPT)
    assert len(ids) > 16, "the text has to reach over a border between windows"
    with torch.no_grad():
        windows = [oracle(torch.tensor([ids[at : at + 16]])).logits[0] for at in range(0, len(ids), 16)]
    log_probs = torch.cat(windows).log_softmax(-1)[:-1]  # (n - 1, V)
    targets = torch.tensor(ids[1:])
    of_targets = log_probs.gather(1, targets[:, None])[:, 0]
    tokens = scored["tokens"]
    assert [token["token_id"] for token in tokens] == ids
    told_log_probs = torch.tensor([token["logprob"] for token in tokens[1:]], dtype=torch.float64)
    told_entropies = torch.tensor([token["entropy_nats"] for token in tokens[1:]], dtype=torch.float64)
    torch.testing.assert_close(told_log_probs, of_targets, atol=1e-4, rtol=0)
    torch.testing.assert_close(told_entropies, -(log_probs.exp() * log_probs).sum(1), atol=1e-4, rtol=0)
    # A rank may differ by those whose log_prob lies within the tolerance.
    for token, row, target in zip(tokens[1:], log_probs, of_targets, strict=True):
        assert (row > target + 1e-4).sum() < token["rank"] <= (row > target - 1e-4).sum() + 1
    mean = -of_targets.mean().item()
    summary = scored["summary"]
    assert summary["tokens"] == len(ids)
    assert summary["scored"] == len(ids) - 1
    assert summary["mean_surprisal_nats"] == pytest.approx(mean, abs=1e-4)
    assert summary["perplexity"] == pytest.approx(math.exp(mean), rel=1e-3)
    n_bytes = len(PROMPT.encode()) - len("The")
    assert summary["bits_per_byte"] == pytest.approx(mean * (len(ids) - 1) / math.log(2) / n_bytes, rel=1e-4)


def test_with_the_first_token_the_text_is_read_after_endoftext(cat: Path) -> None:
    oracle = GPT2LMHeadModel.from_pretrained(cat / f"checkpoint-{STEPS}").double().eval()
    ids = [50256, *gpt2().encode(PROMPT)]
    with torch.no_grad():
        windows = [oracle(torch.tensor([ids[at : at + 16]])).logits[0] for at in range(0, len(ids), 16)]
    logits, targets = torch.cat(windows)[:-1], torch.tensor(ids[1:])
    nats = torch.nn.functional.cross_entropy(logits, targets, reduction="none")  # (n,)
    result = neglogp("score", PROMPT, "--model", "cat", "--json", "--first-token")
    made = json.loads(result.stdout)
    summary, tokens = made["summary"], made["tokens"]
    assert [token["token_id"] for token in tokens] == ids[1:], "it is no token of the text"
    assert [token["surprisal_nats"] for token in tokens] == pytest.approx(nats.tolist(), abs=1e-4)
    assert summary["tokens"] == summary["scored"] == len(ids) - 1 and summary["first_token"] is True
    assert summary["mean_surprisal_nats"] == pytest.approx(nats.mean().item(), abs=1e-4)
    assert summary["mean_without_first_nats"] == pytest.approx(nats[1:].mean().item(), abs=1e-4)
    bits = nats.sum().item() / math.log(2)
    assert summary["bits_per_byte"] == pytest.approx(bits / len(PROMPT.encode()), rel=1e-4)
    printed = neglogp("score", PROMPT, "--model", "cat", "--csv", "--first-token").stdout
    lines = list(csv.DictReader(io.StringIO(printed)))
    assert [line["surprisal_nats"] for line in lines] == [str(token["surprisal_nats"]) for token in tokens]


def test_the_table_has_a_row_0_and_tells_the_mean_with_it_and_without(cat: Path) -> None:
    result = neglogp("score", "The fat cat sat on the mat", "--model", "cat", "--first-token")
    _, *rows, foot = result.stdout.splitlines()
    assert rows[0].split("→")[0].split() == ["0", "<|endoftext|>"] and " The " in rows[0].split("→")[1]
    assert rows[3].split("→")[0].split(maxsplit=1)[1].rstrip() == "<|endoftext|>The fat cat"
    assert rows[6].split("→")[0].split(maxsplit=1)[1].rstrip() == "The fat cat sat on the", "no room for it"
    assert len(rows) == 8 and rows[7].split("→")[1].startswith(" ? ")
    nats = [float(row.split("%")[1].split()[0]) for row in rows[:7]]
    mean, without = float(foot.split("=")[1].split()[0]), float(foot.split(",")[1].split()[0])
    assert mean == pytest.approx(sum(nats) / 7, abs=0.005)
    assert without == pytest.approx(sum(nats[1:]) / 6, abs=0.005)
    assert "without row 0" in foot
    alone = neglogp("score", "cat", "--model", "cat", "--first-token")
    assert alone.stderr == "" and "without" not in alone.stdout and "= loss" in alone.stdout


def test_json_says_its_schema_and_model_and_gives_the_first_token_no_figures(
    cat: Path, scored: dict[str, Any]
) -> None:
    assert list(scored) == ["schema", "model", "summary", "tokens"]
    assert scored["schema"] == 1
    model, tokens = scored["model"], scored["tokens"]
    assert model["name"] == "cat"
    assert model["folder"] == str((cat / f"checkpoint-{STEPS}").resolve())
    assert model["context"] == 16
    assert model["vocab_size"] == 50257
    assert tokens[0] == {
        "token": "The",
        "token_id": 464,
        "bytes": list(b"The"),
        "logprob": None,
        "surprisal_nats": None,
        "surprisal_bits": None,
        "rank": None,
        "entropy_nats": None,
    }
    assert tokens[1]["bytes"] == list(b" fat")
    assert tokens[1]["surprisal_bits"] == pytest.approx(-tokens[1]["logprob"] / math.log(2))


def test_csv_has_the_same_figures_as_json(scored: dict[str, Any]) -> None:
    result = neglogp("score", PROMPT, "--model", "cat", "--csv")
    read = list(csv.DictReader(io.StringIO(result.stdout)))
    tokens = scored["tokens"]
    assert list(read[0]) == list(tokens[0])
    for line, token in zip(read, tokens, strict=True):
        expected = {key: "" if value is None else str(value) for key, value in token.items()}
        assert line == expected | {"bytes": " ".join(map(str, token["bytes"]))}


def test_the_table_shows_every_prefix_its_target_and_the_mean(scored: dict[str, Any]) -> None:
    result = neglogp("score", "The fat cat sat on the mat", "--model", "cat")
    heading, *prefixes, foot = result.stdout.splitlines()
    assert heading.split() == [
        "#",
        "prefix",
        "→",
        "target",
        "p",
        "nats",
        "bits",
        "rank",
        "H",
        "nats",
        "guess",
    ]
    assert len(prefixes) == 7
    assert prefixes[5].split("→")[0].split(maxsplit=1)[1].strip() == "The fat cat sat on the"
    assert prefixes[5].split("→")[1].startswith(" ␣mat ")
    assert prefixes[6].split("→")[1].startswith(" ? ")
    shown = [float(line.split("%")[1].split()[0]) for line in prefixes[:6]]
    mean = float(foot.split("=")[1].split()[0])
    assert mean == pytest.approx(sum(shown) / 6, abs=0.005)
    assert f"{math.exp(mean):,.0f}"[:3] in foot


def crafted(*pieces: bytes, log_prob: float | str, entropy: float | str) -> Table:
    """A table of these tokens in which every prediction has the same figures."""
    targets = [Candidate(token_id=7, piece=piece, log_prob=log_prob, rank=2) for piece in pieces[1:]]  # type: ignore[arg-type]
    return Table(
        text="",
        tokens=tuple(Token(token_id=7, piece=piece) for piece in pieces),
        predictions=tuple(Prediction(entropy=entropy, top=(), target=target) for target in [*targets, None]),  # type: ignore[arg-type]
        window_starts=(0, 2),
        summary=Summary(scored=len(targets), mean="inf", perplexity="inf", bits_per_byte="inf"),
        step=0,
    )


def test_figures_that_are_not_finite_are_strings() -> None:
    _, row = rows(crafted(b"a", b"b", log_prob="-inf", entropy="nan"))
    assert (row.logprob, row.surprisal_nats, row.surprisal_bits, row.entropy_nats) == (
        "-inf",
        "inf",
        "inf",
        "nan",
    )


def test_no_control_character_of_a_text_reaches_a_terminal() -> None:
    table = crafted(
        b"\x1b[31m", b"\x9b", "\u202eabc".encode(), "\u009b[2J".encode(), log_prob=-1.0, entropy=1.0
    )
    printed = "\n".join(line.plain for line in lines(table, 100)) + as_csv(table, printable=True).decode()
    assert not [character for character in printed if character != "\n" and not character.isprintable()]
    assert "\x1b[31m" in as_csv(table, printable=False).decode()


def test_the_first_row_of_a_window_is_marked_and_shows_no_token_before_it() -> None:
    table = crafted(b"one", b" two", b" three", b" four", log_prob=-1.0, entropy=1.0)
    shown = [line.plain.split("→")[0].strip() for line in lines(table, 100)][1:5]
    assert shown == ["1 one", "2 one two", "3┄three", "4 three four"]


def test_only_what_is_dim_in_a_row_is_dim() -> None:
    row = list(lines(crafted(b"one", b" two", log_prob=-1.0, entropy=1.0), 100))[1]
    dim = "".join(row.plain[span.start : span.end] for span in row.spans if "dim" in str(span.style))
    assert row.style == ""
    assert dim.split() == ["1", "→", "2"]


def test_every_line_of_the_table_fits_the_terminal() -> None:
    table = crafted(*[b" antidisestablishment"] * 12, log_prob=-1.0, entropy=1.0)
    for width in (80, 100, 140):
        assert max(line.cell_len for line in lines(table, width)) <= width


def test_stdin_is_scored_to_its_last_byte(scored: dict[str, Any]) -> None:
    result = neglogp("score", "-", "--model", "cat", "--json", stdin=PROMPT + "\n")
    tokens, expected = json.loads(result.stdout)["tokens"], scored["tokens"]
    assert [token["token_id"] for token in tokens] == [token["token_id"] for token in expected] + [198]


def test_invalid_utf8_is_replaced_and_said(cat: Path) -> None:
    result = neglogp("score", "-", "--model", "cat", "--json", stdin=b"A cat \xff sat")
    assert "not valid UTF-8" in result.stderr
    assert "byte 6" in result.stderr
    as_typed = neglogp("score", "A cat \ufffd sat", "--model", "cat", "--json")
    assert as_typed.stderr == ""
    assert json.loads(result.stdout)["tokens"] == json.loads(as_typed.stdout)["tokens"]


def test_an_argument_that_is_no_utf8_is_read_the_same_way(cat: Path) -> None:
    result = neglogp("generate", "caf\udce9", "--model", "cat", "--tokens", "1")
    assert result.stdout.startswith("caf\ufffd")
    assert "not valid UTF-8" in result.stderr


def test_an_empty_text_is_refused() -> None:
    refused(neglogp("score", ""), "empty")
    refused(neglogp("score", "-", stdin=b""), "empty")


def test_a_single_token_is_shown_and_said_to_have_no_score(cat: Path) -> None:
    result = neglogp("score", "cat", "--model", "cat", "--json")
    assert result.exit_code == 0
    assert "single token" in result.stderr
    record = json.loads(result.stdout)
    assert len(record["tokens"]) == 1
    assert record["tokens"][0]["logprob"] is None
    assert record["summary"] == {
        "tokens": 1,
        "scored": 0,
        "first_token": False,
        "mean_without_first_nats": None,
        "mean_surprisal_nats": None,
        "perplexity": None,
        "bits_per_byte": None,
    }
    assert "nothing is scored" in neglogp("score", "cat", "--model", "cat").stdout


def test_scoring_with_a_run_that_is_being_written_touches_nothing_of_it(cat: Path) -> None:
    def contents() -> dict[str, tuple[int, int]]:
        return {str(file): (file.stat().st_mtime_ns, file.stat().st_size) for file in cat.rglob("*")}

    writer = runs.Run(cat, keep=2)
    before = contents()
    result = neglogp("score", PROMPT, "--model", "cat", "--json")
    writer.close()
    assert result.exit_code == 0
    assert result.stderr == ""
    assert contents() == before


def test_a_model_that_gives_no_numbers_is_scored_without_breaking_the_json(cat: Path) -> None:
    result = neglogp("score", "The fat cat", "--model", str(broken_model(cat)), "--json")
    assert result.exit_code == 0

    def no_constant(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    record = json.loads(result.stdout, parse_constant=no_constant)
    assert record["summary"]["mean_surprisal_nats"] == "nan"
    assert record["tokens"][1]["logprob"] == "nan"


# ------------------------------------------------------------------------------------ beside another model


@pytest.fixture(scope="module")
def beside(cat: Path) -> dict[str, Any]:
    """PROMPT as the run's model and `tiny` score it, in JSON."""
    result = neglogp("score", PROMPT, "--model", "cat", "--compare", "tiny", "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    record: dict[str, Any] = json.loads(result.stdout)
    return record


def test_compare_adds_the_other_model_and_leaves_the_rest_of_the_json_as_it_is(
    scored: dict[str, Any], beside: dict[str, Any]
) -> None:
    assert list(beside) == [*scored, "compare"]
    assert {key: beside[key] for key in scored} == scored
    assert beside["compare"]["model"]["name"] == "tiny"
    alone = json.loads(neglogp("score", PROMPT, "--model", "tiny", "--json").stdout)
    assert beside["compare"]["model"] == alone["model"]
    assert beside["compare"]["summary"] == alone["summary"]
    of_b = [token["surprisal_nats"] for token in alone["tokens"]]
    assert [span["surprisal_nats_b"] for span in beside["compare"]["spans"]] == of_b


def test_the_differences_are_those_of_two_plain_scorings(
    scored: dict[str, Any], beside: dict[str, Any]
) -> None:
    told = beside["compare"]
    ends = 0
    for position, (span, token) in enumerate(zip(told["spans"], scored["tokens"], strict=True)):
        start, ends = ends, ends + len(token["bytes"])
        assert (span["bytes"], span["tokens"]) == ([start, ends], [position, position + 1])
        assert span["surprisal_nats_a"] == token["surprisal_nats"]
        if position:
            difference = span["surprisal_nats_a"] - span["surprisal_nats_b"]
            assert span["difference_nats"] == pytest.approx(difference, abs=1e-12)
    assert told["spans"][0]["difference_nats"] is None
    assert told["mean_surprisal_nats_a"] == pytest.approx(scored["summary"]["mean_surprisal_nats"], rel=1e-12)
    assert told["mean_surprisal_nats_b"] == pytest.approx(told["summary"]["mean_surprisal_nats"], rel=1e-12)
    between = told["mean_surprisal_nats_a"] - told["mean_surprisal_nats_b"]
    assert abs(between) > 1, "the one has learned English, the other next to nothing"
    assert told["difference_nats"] == pytest.approx(between, rel=1e-9)


def test_compare_in_csv_has_two_more_columns(beside: dict[str, Any]) -> None:
    result = neglogp("score", PROMPT, "--model", "cat", "--compare", "tiny", "--csv")
    read = list(csv.DictReader(io.StringIO(result.stdout)))
    assert list(read[0]) == [*beside["tokens"][0], "surprisal_nats_b", "difference_nats"]
    assert (read[0]["surprisal_nats_b"], read[0]["difference_nats"]) == ("", "")
    for line, span in zip(read[1:], beside["compare"]["spans"][1:], strict=True):
        assert float(line["surprisal_nats_b"]) == span["surprisal_nats_b"]
        assert float(line["difference_nats"]) == span["difference_nats"]


def test_the_table_shows_a_b_and_their_difference(beside: dict[str, Any]) -> None:
    result = neglogp("score", PROMPT, "--model", "cat", "--compare", "tiny")
    heading, *prefixes, mean, foot = result.stdout.splitlines()
    assert heading.split()[4:] == ["p", "A", "nats", "B", "nats", "Δ", "nats", "rank", "guess"]
    assert len(prefixes) == len(beside["tokens"])
    for line, span in zip(prefixes, beside["compare"]["spans"][1:], strict=False):
        a, b, delta = line.split("%")[1].split()[:3]
        assert float(a) == pytest.approx(span["surprisal_nats_a"], abs=0.00501)
        assert float(b) == pytest.approx(span["surprisal_nats_b"], abs=0.00501)
        assert float(delta.replace("−", "-")) == pytest.approx(span["difference_nats"], abs=0.00501)
    assert mean.startswith("mean −log p = ")
    assert f"A {beside['compare']['mean_surprisal_nats_a']:.4f} · " in foot
    assert f"B {beside['compare']['mean_surprisal_nats_b']:.4f} · " in foot
    assert f"{beside['compare']['difference_nats']:+.4f} nats" in foot
    assert foot.endswith(f"B = tiny, perplexity {beside['compare']['summary']['perplexity']:.1f}")


def test_every_line_beside_another_model_fits_the_terminal() -> None:
    table = crafted(*[b" antidisestablishment"] * 12, log_prob=-1.0, entropy=1.0)
    other = Beside(
        "b" * 10, 12.2, compare(table, crafted(*[b" antidisestablishment"] * 12, log_prob=-2.5, entropy=1.0))
    )
    for width in (80, 100, 140):
        told = list(lines(table, width, other))
        assert max(line.cell_len for line in told) <= width
        assert "−1.50" in told[1].plain and "+" not in told[1].plain


def test_a_table_cut_otherwise_is_compared_by_what_both_cut(cat: Path) -> None:
    a = crafted(b"one", b" two", b" three", log_prob=-1.0, entropy=1.0)
    b = crafted(b"o", b"ne", b" t", b"wo", b" th", b"re", b"e", log_prob=-0.75, entropy=1.0)
    told = [line.plain for line in lines(a, 100, Beside("bits", math.exp(0.75), compare(a, b)))]
    assert told[1].split("%")[1].split()[:3] == ["1.00", "1.50", "−0.50"]
    assert told[2].split("%")[1].split()[:3] == ["1.00", "2.25", "−1.25"]
    assert "over 2 spans of bytes" in told[-1]
    assert told[-1].endswith("B = bits, perplexity 2.12"), "of its own tokens"
    by = ScoredBy(name="bits", folder=None, parameters=1, context=1, vocab_size=2)
    read = list(csv.DictReader(io.StringIO(as_csv(a, Rival(b, by), printable=False).decode())))
    assert [row["difference_nats"] for row in read] == ["", "-0.5", "-1.25"]


def test_a_second_model_that_does_not_exist_is_said_in_one_sentence(cat: Path) -> None:
    refused(neglogp("score", "The fat cat", "--model", "cat", "--compare", "./nothing"), "nothing")


def test_a_single_token_has_nothing_to_compare(cat: Path) -> None:
    result = neglogp("score", "cat", "--model", "cat", "--compare", "tiny")
    assert result.exit_code == 0 and "there is nothing to compare" in result.stdout
    record = json.loads(neglogp("score", "cat", "--model", "cat", "--compare", "tiny", "--json").stdout)
    assert record["compare"]["difference_nats"] is None
