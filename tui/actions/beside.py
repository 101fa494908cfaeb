"""p beside q: what the training text says where the model makes a prediction, in place of its candidates."""

from textual import on
from textual.widgets import Input

from core.messages import Indexed, World
from core.text import spaced, visible
from tui.actions.predicting import Predicting
from tui.news import TextIndexed, TextLookedUp
from tui.widgets.candidates import CandidateList
from tui.widgets.followers import FollowerList
from tui.widgets.pane import Pane


class Beside(Predicting):
    """The actions of the pane's other side."""

    _place: tuple[str, int] | None = None  # the text and the position that are looked up
    _length: int | None = None  # of the context, once a person has chosen it there
    _indexed: Indexed | None = None  # how far a long training text is

    @property
    def followers(self) -> FollowerList:
        return self.query_one("#followers", FollowerList)

    def action_beside(self) -> None:
        self.beside = not self.beside
        if self.has_class("-one-column"):
            self.action_tab("candidates")  # where it is seen

    def watch_beside(self) -> None:
        # A list that had the focus and is hidden hands it to the one in its place: Textual sees to that.
        self.query_one("#candidates-pane", Pane).set_class(self.beside, "-beside")
        if self.beside:
            find = self.query_one("#find", Input)
            find.remove_class("-shown")
            find.value = ""
        self._place = None
        self.show_selected()

    @on(CandidateList.Listed)
    def look_up(self) -> None:
        """Ask what the training text says at the row in sight."""
        table = self.table.table
        if not self.beside or (table is not None and not self.is_of_prompt(table)):
            return  # or the table these candidates stand in is on its way
        if table is None or not table.tokens:
            self._place = None
            self._say()
            return
        place = (table.text, self.table.cursor)
        if place != self._place:  # else the same place at another step, whose figures stay till then
            self._length = None
            self._say()
        self._place = place
        self.live.look_up(World(position=self.table.cursor, length=self._length))

    @on(FollowerList.LengthAsked)
    def _length_asked(self, event: FollowerList.LengthAsked) -> None:
        self._length = event.length
        self.look_up()

    @on(TextIndexed)
    def _text_indexed(self, event: TextIndexed) -> None:
        over = event.indexed.done >= event.indexed.total
        self._indexed = None if over else event.indexed
        if over:
            self.look_up()
        elif self.beside and self.followers.followed is None:
            self._say_indexed(event.indexed)

    @on(TextLookedUp)
    def _text_looked_up(self, event: TextLookedUp) -> None:
        request, followed, table = event.request, event.followed, self.table.table
        if table is None or self._place != (table.text, request.position) or request.length != self._length:
            return  # a newer answer is on its way
        if followed.missing is not None:
            if self._indexed is not None and self._indexed.text == followed.text:
                self._say_indexed(self._indexed)
            else:
                self._say(followed.missing)
            return
        position = request.position
        context = table.tokens[position + 1 - followed.length : position + 1]
        words = spaced("".join(visible(token.piece) for token in context)).strip()
        target = table.predictions[position].target
        self.followers.set_followed(followed, words, target.token_id if target is not None else None)
        self.say_divergence(followed)

    def _say_indexed(self, indexed: Indexed) -> None:
        words = f"indexing {indexed.text}: {indexed.done:,} of {indexed.total:,} tokens"
        self._say(words, indexed.done / indexed.total)

    def _say(self, words: str = "", share: float | None = None) -> None:
        """A sentence in place of what followed, or nothing."""
        self.followers.say(words, share)
        self.say_divergence(None)
