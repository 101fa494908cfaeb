"""The keys of the explore screen. Function and control keys also work in the prompt, letters outside it."""

from textual.binding import Binding, BindingType


def _key(
    keys: str, action: str, label: str, tooltip: str, *, id: str, show: bool = False, priority: bool = False
) -> Binding:
    return Binding(keys, action, label, id=id, tooltip=tooltip, show=show, priority=priority)


EXPLORE: list[BindingType] = [
    _key("f2,s", "step", "Step", "Train one step", id="train.step", show=True),
    _key("f3,space", "run_pause", "Run/pause", "Train on, or pause", id="train.run", show=True),
    _key("f4,b", "back", "Back", "Go back one step, exactly", id="train.back", show=True),
    _key("f8,m", "go_to", "Go to", "Go to a step by its number", id="train.go_to"),
    _key("f10,e", "extend", "Extend", "Let the run go on after its last step", id="train.extend"),
    _key("ctrl+r,r", "reset", "Reset", "Back to the weights the run started from", id="train.reset"),
    _key("f9,comma", "settings", "Settings", "Text, size, learning rate and the rest of a run", id="train.settings", show=True),
    _key("ctrl+t,t", "sample", "Sample", "Sample one token and append it to the prompt", id="prompt.sample", show=True),
    _key("ctrl+g,c", "stream", "Stream 20", "Let the model write 20 tokens; again to stop", id="prompt.stream"),
    _key("f5,f", "find", "Find token", "Find any token by part of it, with its probability here", id="look.find", priority=True),
    _key("ctrl+n,n", "units", "Nats/bits", "Show information in nats or in bits", id="look.units", show=True),
    _key("f6,i", "ids", "Token ids", "Show token ids and the shape of the logits", id="look.ids", priority=True),
    _key("f7,o", "open_file", "Open file", "Open a file as training text or as the prompt", id="file.open", priority=True),
    _key("ctrl+s,w", "export", "Export", "Write the table to a file", id="file.export"),
    _key("d", "describe", "Describe", "The loss chart in words", id="look.describe"),
    _key("1", "tab('table')", "Prefixes", "To the prefix table", id="go.table"),
    _key("2", "tab('candidates')", "Next token", "To the candidates", id="go.candidates"),
    _key("3", "tab('chart')", "Loss", "To the loss chart", id="go.chart"),
    _key("slash", "to_prompt", "Prompt", "To the prompt", id="go.prompt"),
    _key("escape", "leave", "Leave prompt", "Out of the prompt, to the table", id="go.leave"),
]  # fmt: skip
