"""The certainty lab's state: the sentences, and what a tiny model has learned from them by either target."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from core import information
from core import messages as m

Kind = Literal["one-hot", "soft"]
KINDS: tuple[Kind, ...] = ("one-hot", "soft")
START = (
    m.Ending(word="mat", count=14),
    m.Ending(word="dog", count=4),
    m.Ending(word="lap", count=2),
)
_MORE = ("rug", "bed", "sofa", "roof", "box", "step")  # the last is for one who had typed another before
_CLOSE = 0.02  # that q may lie from p where it counts as being there
_RESTING = 0.03  # nats that the smoothed loss may lie from where it is to rest


@dataclass
class Course:
    """What training with one kind of target has brought so far."""

    request: m.Certainty
    costs: list[m.Cost] = field(default_factory=list)
    belief: m.Belief | None = None
    learned: m.Learned | None = None  # once it is over

    @property
    def step(self) -> int:
        if self.learned is not None:
            return self.learned.step
        return self.costs[-1].step if self.costs else 0

    @property
    def complete(self) -> bool:
        return self.learned is not None and self.learned.step == self.request.steps

    @property
    def cost(self) -> m.Cost | None:
        """The newest one."""
        if self.learned is not None:
            return self.learned.cost
        return self.costs[-1] if self.costs else None


class CertaintyState:
    """Endings with their counts, p and its entropy, and a course for each kind of target that was tried."""

    def __init__(self) -> None:
        self.start_over()

    def start_over(self) -> None:
        """The sentences that the lab begins with, and nothing learned from them."""
        self.endings: tuple[m.Ending, ...] = START
        self.courses: dict[Kind, Course] = {}
        self.latest: Kind | None = None  # whose q the bars show
        self.fault = ""

    # ----------------------------------------------------------------------------------------- the world, p

    @property
    def total(self) -> int:
        return sum(ending.count for ending in self.endings)

    @property
    def p(self) -> list[float]:
        return m.shares(self.endings)

    @property
    def entropy(self) -> float:
        """H(p), in nats: where the loss of the last position comes to rest."""
        return information.entropy(self.p)

    @property
    def resting_mean(self) -> float:
        """Where the mean over all positions comes to rest, as the others become certain."""
        return self.entropy / len(m.BEGINNING)

    @property
    def n_words(self) -> int:
        return len(m.vocabulary(self.endings))

    @property
    def ignorance(self) -> float:
        """What a position costs one who knows nothing but the words, in nats."""
        return math.log(self.n_words)

    @property
    def ways(self) -> int:
        """Among how many words the last position has to choose."""
        return sum(ending.count > 0 for ending in self.endings)

    # ------------------------------------------------------------------------------------ changing the world

    def put(self, index: int, typed: str) -> None:
        """A word, a count or both for an ending. Raises ValueError with what is wrong."""
        *words, last = typed.split() or [""]
        ending = self.endings[index]
        word, count = ending.word, ending.count
        if re.fullmatch(r"[+-]?[0-9]+", last):
            count = max(-1, min(int(last), 1000))
        elif re.fullmatch(r"[+-]?[0-9.,]+", last):
            raise ValueError(f"{last}: a count is a whole number")
        else:
            words.append(last)
        if len(words) > 1:
            raise ValueError("one word, and a count: mat 14")
        if words:
            word = words[0]
        self._replace([*self.endings[:index], m.Ending(word=word, count=count), *self.endings[index + 1 :]])

    def count(self, index: int, by: int) -> None:
        """More or fewer sentences with an ending. Raises ValueError where there can be none."""
        ending = self.endings[index]
        self.put(index, str(ending.count + by))

    def add(self) -> None:
        """One more ending. Raises ValueError for one too many."""
        taken = {ending.word for ending in self.endings}
        word = next(word for word in _MORE if word not in taken)
        self._replace([*self.endings, m.Ending(word=word, count=1)])

    def remove(self, index: int) -> None:
        """One ending less. Raises ValueError where too few would be left."""
        self._replace([*self.endings[:index], *self.endings[index + 1 :]])

    def remember(self) -> Callable[[], None]:
        """What brings the sentences back as they are now, with what was learned of them by then."""
        endings, latest = self.endings, self.latest
        over = {kind: course for kind, course in self.courses.items() if course.learned is not None}

        def bring_back() -> None:
            if self.endings != endings:
                self.endings, self.courses, self.fault = endings, over, ""
                self.latest = latest if latest in over else next(iter(over), None)

        return bring_back

    def _replace(self, endings: Sequence[m.Ending]) -> None:
        m.require_endings(endings)
        if tuple(endings) != self.endings:
            self.endings = tuple(endings)
            self.courses, self.latest, self.fault = {}, None, ""  # they were of another world

    # ------------------------------------------------------------------------------------- learning it, as q

    @property
    def training(self) -> Course | None:
        """The course that goes on now."""
        return next((course for course in self.courses.values() if course.learned is None), None)

    def begin(self, kind: Kind) -> m.Certainty:
        """A new course, with what is to be asked for."""
        request = m.Certainty(endings=self.endings, targets=kind)
        self.courses[kind] = Course(request)
        self.latest, self.fault = kind, ""
        return request

    def heard(self, request: m.Certainty, learning: m.Learning) -> None:
        """Take in what is told of a course; of one that was given up it is left out."""
        course = self.courses.get(request.targets)
        if course is not None and course.request is request:
            course.costs += learning.costs
            if course.learned is None:
                course.belief = learning.belief

    def ended(self, request: m.Certainty, learned: m.Learned | str) -> bool:
        """Take in the end of a course, or why it came to none; whether it went its whole way."""
        course = self.courses.get(request.targets)
        if course is None or course.request is not request:
            return False
        if isinstance(learned, str):
            del self.courses[request.targets]
            self.latest = next(iter(self.courses), None)
            self.fault = learned
            return False
        course.learned, course.belief = learned, learned.belief
        return course.complete

    def apart(self, course: Course) -> float:
        """How far q lies from p, at the ending where it lies farthest; others, which never come, included."""
        assert course.belief is not None
        gaps = [abs(float(q) - p) for q, p in zip(course.belief.q, self.p, strict=True)]
        return max(*gaps, float(course.belief.others))

    def off(self, course: Course) -> float:
        """How far the last position's smoothed loss lies from H(p), in nats."""
        assert course.cost is not None
        return abs(float(course.cost.last_smoothed) - self.entropy)

    def rests(self, course: Course) -> bool:
        """Whether q has come to p and the loss to H(p)."""
        if not course.complete or course.cost is None:
            return False
        return self.apart(course) <= _CLOSE and self.off(course) <= _RESTING
