"""What a person does with the prompt: edit it, put candidates into it, have it continued, search tokens."""

from textual.widgets import Input

from core.messages import Candidate, Generate, Generated, Keep, Prompt, Release, Score, Stop
from core.text import clean
from tui.actions.base import Exploring
from tui.widgets.loss_chart import LossChart
from tui.widgets.pane import Pane

STREAM_TOKENS = 20


class Prompting(Exploring):
    """The prompt's actions."""

    _continuation: Generate | None = None  # the one under way
    _expected: str = ""  # the prompt as the continuation has left it
    _draws: int = 0  # how often was sampled: the seed, so that each time is another draw

    def prompt_changed(self) -> None:
        """The prompt is another text: score it. A person's edit ends a continuation."""
        text = self.prompt.text
        if self._continuation is not None and text != self._expected:
            self._stop()
        self.read_prompt()

    def read_prompt(self) -> None:
        """Have the prompt scored as it stands, and its curve begin anew where that is another one."""
        if self.live.table is None or not self.is_of_prompt(self.live.table):
            self.query_one(LossChart).clear_prompt()
        self.live.watch(Score(text=self.prompt.text, first_token=self.first_token))
        self.show_kept()

    def action_first_token(self) -> None:
        self.first_token = not self.first_token

    def watch_first_token(self) -> None:
        self.look_at(None)
        self.read_prompt()

    def action_keep(self) -> None:
        """Have the prompt recorded at every step, also while another is looked at; or not any more."""
        text = self.prompt.text
        if not text:
            self.refuse("There is nothing to keep yet: type a prompt first.")
        elif self._is_kept:
            self.live.send(Release(text=text, first_token=self.first_token))
        else:
            self.live.send(Keep(text=text, first_token=self.first_token))

    @property
    def _is_kept(self) -> bool:
        state = self.live.state
        read = Prompt(text=clean(self.prompt.text), first_token=self.first_token)
        return state is not None and read in state.kept

    def show_kept(self) -> None:
        """Say beside the prompt whether it is pinned."""
        self.query_one("#prompt-pane", Pane).title = "prompt · kept" if self._is_kept else "prompt"

    def put_into_prompt(self, candidate: Candidate) -> None:
        """Put the candidate after the selected prefix; what stood there goes (undo brings it back)."""
        table = self.table.table
        if table is None or not self.is_of_prompt(table):
            return
        before = b"".join(token.piece for token in table.text_tokens[: table.number(self.table.cursor)])
        try:
            text = (before + candidate.piece).decode("utf-8")
        except UnicodeDecodeError:
            self.refuse("That would leave part of a character in the text: choose another token or row.")
            return
        self.table.select(len(table.predictions))  # follow the end of the new text
        self.prompt.set_text(text)

    def action_sample(self) -> None:
        self._continue(1)

    def action_stream(self) -> None:
        if self._continuation is not None:
            self._stop()
        else:
            self._continue(STREAM_TOKENS)

    def _stop(self) -> None:
        self._continuation = None
        self.live.send(Stop())

    def _continue(self, tokens: int) -> None:
        if self._continuation is not None:
            return
        if not (self.prompt.text or self.first_token):
            self.refuse("There is nothing to continue yet: type a prompt first.")
            return
        self._draws += 1
        self._expected = self.prompt.text
        self._continuation = Generate(
            text=self._expected,
            first_token=self.first_token,
            tokens=tokens,
            sampling=self.controls.sampling,
            seed=self._draws if self.controls.seed is None else self.controls.seed,
        )
        self.table.select(10**9)  # the end of the text is what is continued
        self.run_worker(self.live.continue_text(self._continuation), group="continuation")

    def take_continuation(self, request: Generate, generated: Generated | None) -> None:
        """Write what has come so far behind the text that is continued."""
        if request is not self._continuation:
            return
        if generated is None or generated.done:
            self._continuation = None
        # A key that was faster is never overwritten; that it ends the continuation is seen a moment later.
        if generated is not None and self.prompt.text == self._expected:
            text = request.text + generated.text
            if self._expected == request.text:
                self.prompt.set_text(text)
            else:
                self.prompt.set_text_again(text)
            self._expected = self.prompt.text

    def action_to_prompt(self) -> None:
        self.prompt.focus()

    def action_leave(self) -> None:
        """Out of the prompt to the table; out of a search, to the candidates; first out of what goes on."""
        if self._continuation is not None:
            self._stop()
            return
        if self.looking_at is not None:
            self.look_at(None)
            return
        find = self.query_one("#find", Input)
        if find.has_class("-shown"):
            find.remove_class("-shown")
            find.value = ""
            self.candidates.set_found(None)
            self.candidates.focus()
        elif self.prompt.has_focus and self.has_class("-one-column"):
            self.action_tab(self.tab)  # where the others are not seen
        else:
            self.action_tab("table")

    def action_find(self) -> None:
        self.beside = False
        self.action_tab("candidates")
        find = self.query_one("#find", Input)
        find.add_class("-shown")
        find.focus()

    def search(self, query: str) -> None:
        """Show the tokens that hold what was typed, as the model sees them after the selected prefix."""
        if not query or self.looking_at is not None:  # only the present model can be asked
            self.candidates.set_found(None)
        else:
            self.run_worker(self._search(query), group="find", exclusive=True)

    def search_again(self) -> None:
        """The prediction is another one: so is what was found in it."""
        query = self.query_one("#find", Input).value
        if query:
            self.search(query)

    async def _search(self, query: str) -> None:
        answer = await self.live.find(self.table.cursor, query)
        if self.query_one("#find", Input).value == query:
            self.candidates.set_found(answer.found if answer is not None else None)
