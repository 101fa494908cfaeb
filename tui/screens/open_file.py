"""The dialog that opens a file, as training text or as prompt."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePath
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from core.text import safe
from tui.screens.choice import Choice
from tui.screens.dialog import DialogScreen, Notice
from tui.screens.listing import Entry, Listing, completion, matching, size
from tui.screens.path_line import PathLine, expanded, shortened
from tui.textfile import TextFile, TextFileError, load_text_file, why

PROMPT_CHARACTERS = 20_000
STORY = "story"  # the name by which a run calls the built-in text, so no file goes under it


class Purpose(Enum):
    """What a file is opened for; the value is how the dialog says it."""

    TRAINING = "train on it"
    PROMPT = "use it as the prompt"


_EXPLAINED = {
    Purpose.TRAINING: "all of it, in a new run",
    Purpose.PROMPT: f"its first {PROMPT_CHARACTERS:,} characters",
}


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A file that was read. `name` is safe to show; `notes` are sentences a person should see."""

    path: Path
    name: str
    text: str
    purpose: Purpose
    notes: tuple[str, ...] = ()


def opened(path: Path, file: TextFile, purpose: Purpose) -> Opened:
    """What a read file is for its purpose: a prompt is cut to what a prompt may hold, and says so."""
    name, text, notes = safe(path.name), file.text, file.notes
    if purpose is Purpose.PROMPT and len(text) > PROMPT_CHARACTERS:
        notes += (f"only the first {PROMPT_CHARACTERS:,} of its {len(text):,} characters were taken",)
        text = text[:PROMPT_CHARACTERS]
    return Opened(
        path=path, name=f"{name} (file)" if name == STORY else name, text=text, purpose=purpose, notes=notes
    )


class OpenFileScreen(DialogScreen[Opened | None]):
    """Finds a file below `folder` and reads it for one of `purposes`."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialog.tcss", "open_file.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "accept",
            "Open",
            priority=True,
            id="open.accept",
            tooltip="Open the file, enter the folder",
        ),
        Binding(
            "tab",
            "complete",
            "Complete",
            id="open.complete",
            tooltip="Complete the name, or go to the next field",
        ),
        Binding(
            "down",
            "move('cursor_down')",
            "Choose",
            id="open.down",
            key_display="↑↓",
            tooltip="The next entry",
        ),
        Binding(
            "up",
            "move('cursor_up')",
            "Up",
            show=False,
            id="open.up",
            tooltip="The entry before",
        ),
        Binding(
            "pagedown",
            "move('page_down')",
            "Page down",
            show=False,
            id="open.page_down",
            tooltip="A page on",
        ),
        Binding(
            "pageup",
            "move('page_up')",
            "Page up",
            show=False,
            id="open.page_up",
            tooltip="A page back",
        ),
    ]

    def __init__(self, folder: Path, purposes: Sequence[Purpose] = tuple(Purpose)) -> None:
        super().__init__("Open a file", accept="Open")
        self._start = shortened(folder)
        self._purposes = tuple(purposes)
        self._listing = Listing(entries=(), more=False)
        self._listed = ""  # the text of the field that the listing belongs to
        self._completes_once_listed = False
        self._answered: str | None = None  # the text of the field to which Enter has had an answer

    def body(self) -> ComposeResult:
        yield PathLine(self._start, id="path")
        yield Notice(id="error")
        entries = OptionList(id="entries", compact=True, markup=False)
        entries.can_focus = False  # typing and choosing go on side by side
        yield entries
        with Horizontal(id="purpose-row"):
            if len(self._purposes) > 1:
                yield Choice(
                    [(p.name, p.value) for p in self._purposes], self._purposes[0].name, id="purpose"
                )
            yield Notice(_EXPLAINED[self._purposes[0]], id="explained")

    def on_mount(self) -> None:
        self._list()

    @property
    def listing(self) -> Listing:
        """What is shown below the field."""
        return self._listing

    @property
    def _path(self) -> PathLine:
        return self.query_one(PathLine)

    @property
    def _entries(self) -> OptionList:
        return self.query_one("#entries", OptionList)

    @property
    def _purpose(self) -> Purpose:
        return Purpose[self.query_one(Choice).value] if len(self._purposes) > 1 else self._purposes[0]

    # ------------------------------------------------------------------------------------------- the list

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._completes_once_listed = False
        if self._path.value != self._answered:
            self._answered = None
            self._say("")
        self._list()

    @work(group="open-list", exclusive=True)
    async def _list(self) -> None:
        # In a thread: a folder on a far disk may take its time.
        value, folder, typed = self._path.value, self._path.folder, self._path.typed
        where = expanded(folder)
        said, wrong = "", False
        try:
            listing = await asyncio.to_thread(matching, where, typed)
        except (OSError, ValueError) as error:
            listing, wrong = Listing(entries=(), more=False), True
            said = why(where, error, "listed") if isinstance(error, OSError) else "no name holds a NUL"
        if self.closed:
            return
        self._listing, self._listed = listing, value
        self._entries.set_options(Option(_row(entry)) for entry in listing.entries)
        if listing.more:
            said = f"the first {len(listing.entries)} entries; type more of the name for others"
        elif not listing.entries and not wrong:
            said = "nothing here begins with that" if typed else "this folder has nothing to show"
        if value != self._answered:
            self._say(said, wrong=wrong)
        if self._completes_once_listed:
            self._completes_once_listed = False
            self.action_complete()

    def action_move(self, way: str) -> None:
        getattr(self._entries, f"action_{way}")()

    def action_complete(self) -> None:
        if self.focused is self._path and self._listed != self._path.value:
            self._completes_once_listed = True  # the key was faster than the disk
            return
        whole = self._completed()
        if self.focused is self._path and whole is not None and whole != self._path.real:
            self._path.put(whole)
        else:
            self.app.action_focus_next()

    def _completed(self) -> str | None:
        """The path as far as what stands in the field says it, by the list that belongs to it."""
        if len(self._listing.entries) == 1 and not self._listing.more:
            return self._of(self._listing.entries[0])
        common = completion(self._listing, self._path.typed)
        return None if common is None else self._path.folder + common

    def _of(self, entry: Entry) -> str:
        return self._path.folder + entry.name + ("/" if entry.is_folder else "")

    # ------------------------------------------------------------------------------------------- opening

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._choose(event.option_index)

    def action_accept(self) -> None:
        at = self._entries.highlighted
        if at is not None and self._listed == self._path.value:
            self._choose(at)
        elif self._path.typed and not self._path.path.is_dir():
            self._read(self._path.path, self._purpose)
        elif self._path.typed:
            self._path.put(self._path.real + "/")
        else:
            self._answered = self._path.value
            self._say("type or choose a file", wrong=True)

    def _choose(self, index: int) -> None:
        entry = self._listing.entries[index]
        self._path.put(self._of(entry))
        if not entry.is_folder:
            self._read(self._path.path, self._purpose)

    @work(group="open-read", exclusive=True)
    async def _read(self, path: Path, purpose: Purpose) -> None:
        # In a thread: the screen stays alive while half a gigabyte is read, and Escape still calls it off.
        self._answered = self._path.value
        self.query_one("#accept").add_class("-barred")
        self._say("reading…")
        try:
            file = await asyncio.to_thread(load_text_file, path)
        except TextFileError as error:
            if not self.closed:
                self.query_one("#accept").remove_class("-barred")
                self._say(str(error), wrong=True)
        else:
            if not self.closed:
                self.dismiss(opened(path, file, purpose))

    def on_choice_chosen(self, event: Choice.Chosen) -> None:
        event.stop()
        self.query_one("#explained", Notice).say(_EXPLAINED[self._purpose])

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.query_one("#error", Notice).say(text, wrong=wrong)


def _row(entry: Entry) -> Content:
    if entry.is_folder:
        return Content.assemble(" " * 10, (entry.shown + "/", "$accent"))
    return Content.assemble(
        (f"{'' if entry.size is None else size(entry.size):>8}  ", "$secondary"), entry.shown
    )
