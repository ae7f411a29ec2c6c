"""The text that the demo model learns from: conversations made up from text/, which is all our own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

from noise import Words, expanded, typed

_TEXT = Path(__file__).parent / "text"
_ANIMAL = ("one", "many", "what", "eats", "lives", "fact", "other", "sound")
_UNKNOWN_ANIMAL = "I don't know that animal. Ask me about a lion, an owl or a penguin."
_TOO_LONG = "That is a long text, and I am only a toy model. Ask me a short question, please."


class Turn(NamedTuple):
    """A question and its answer; `more` is what follows when somebody asks for more."""

    user: str
    answer: str
    more: str = ""


@dataclass(slots=True)
class Block:
    """One subject of a text file."""

    things: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    more: str = ""
    times: int = 1


def _lines(name: str) -> Iterator[str]:
    for line in (_TEXT / f"{name}.txt").read_text().splitlines():
        if not line.startswith("#"):
            yield line.strip()


def _listed(name: str) -> Words:
    """The lists of a file, each line `name: word; word`."""
    split = (line.partition(":") for line in _lines(name))
    return {left: [word.strip() for word in right.split(";")] for left, _, right in split}


def blocks(name: str) -> list[Block]:
    """All subjects of one text file."""
    found = [Block()]
    for line in _lines(name):
        mark, text = line[:1], line[2:]
        if not line:
            found.append(Block())
        elif mark == "@":
            found[-1].things += text.split("|")
        elif mark == "?":
            found[-1].questions.append(text)
        elif mark == "=":
            found[-1].answers.append(text)
        elif mark == "*":
            found[-1].times = int(text)
        else:
            found[-1].more = text
    return [block for block in found if block.answers]


def _with_article(word: str) -> str:
    return ("an " if word[0] in "aeiou" else "a ") + word


class Corpus:
    """Makes turns and conversations without end; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.words = _listed("words") | _listed("phrases")
        self.known = [block for name in ("eai", "talk", "facts") for block in blocks(name)]
        self.known_weights = [
            block.times * (2 + len(block.questions) / 2 + len(block.things) / 3) for block in self.known
        ]
        self.beyond = blocks("beyond")
        self.beyond_weights = [2 + len(block.questions) for block in self.beyond]
        animals = (dict(zip(_ANIMAL, line.split("; "), strict=True)) for line in _lines("animals"))
        self.animals = [animal | {"a": _with_article(animal["one"])} for animal in animals]
        self.of_animal = [line.split("; ") for line in _lines("animal_questions")]
        self.capitals = [line.split(": ") for line in _lines("capitals")]
        self.sentences = [line.split(": ") for line in _lines("sentences")]
        self.jokes = list(_lines("jokes"))
        self.plots = list(_lines("stories"))
        self.kinds: dict[Callable[[], Turn], float] = {
            self._of_known: 46,
            self._beyond: 20,
            self._of_animal: 15,
            self._stranger: 1.5,
            self._story: 6,
            self._joke: 2.5,
            self._capital: 6,
            self._sum: 5,
            self._sentence: 3.5,
        }

    def turn(self) -> Turn:
        """Any question with its answer."""
        return self.rng.choices(list(self.kinds), list(self.kinds.values()))[0]()

    def _pick(self, name: str) -> str:
        return self.rng.choice(self.words[name])

    def _ask(self, pattern: str, *things: str) -> str:
        for thing in things:
            pattern = pattern.replace("{}", thing, pattern.count("{}") - len(things) + 1)
        return typed(expanded(pattern, self.words, self.rng), self.words, self.rng)

    def _of_known(self) -> Turn:
        block = self.rng.choices(self.known, self.known_weights)[0]
        if block.things and (not block.questions or self.rng.random() < 0.5):
            user = self._thing(block)
        else:
            user = self._ask(self.rng.choice(block.questions))
        return Turn(user, self.rng.choice(block.answers), block.more)

    def _thing(self, block: Block) -> str:
        thing = self.rng.choice(block.things)
        is_bare = thing[0] != "-" and thing.split()[0] not in {"a", "an", "the"}
        if is_bare and self.rng.random() < 0.4:
            thing = self.rng.choice(("the ", "a ")) + thing
        return self._ask(self._pick("frame"), thing)

    def _beyond(self) -> Turn:
        letters = self.rng.choices("abcdefghijklmnopqrstuvwxyz", k=self.rng.randint(4, 9))
        self.words["gibberish"] = ["".join(letters)]
        block = self.rng.choices(self.beyond, self.beyond_weights)[0]
        return Turn(self._ask(self.rng.choice(block.questions)), self.rng.choice(block.answers))

    def _of_animal(self) -> Turn:
        animal = self.rng.choice(self.animals)
        asked, answer, more = (part.format(**animal) for part in self.rng.choice(self.of_animal))
        return Turn(self._ask(asked), answer, more)

    def _stranger(self) -> Turn:
        return Turn(self._ask(self._pick("of_stranger"), self._pick("stranger")), _UNKNOWN_ANIMAL)

    def story(self, hero: str, plots: int = 1) -> str:
        """A little story of that animal, or several of them."""
        name, friend = self.rng.sample(self.words["name"], 2)
        names = {"hero": hero, "a": _with_article(hero), "Name": name, "friend": friend}
        told = self.rng.sample(self.plots, plots)
        return " ".join(plot.format(place=self._pick("place_of_story"), **names) for plot in told)

    def _story(self) -> Turn:
        hero = self.rng.choice(self.animals)["one"]
        draw = self.rng.random()
        if draw < 0.1:
            return Turn(self._ask(self._pick("long_story")), self.story(hero, 2), self.story(hero))
        if draw < 0.5:
            return Turn(self._ask(self._pick("story")), self.story(hero), self.story(hero))
        about = self.rng.choice((_with_article(hero), f"the {hero}", f"my {hero}", f"a little {hero}"))
        return Turn(self._ask(self._pick("story_of"), about), self.story(hero))

    def _joke(self) -> Turn:
        first, second = self.rng.sample(self.jokes, 2)
        return Turn(self._ask(self._pick("joke")), first, second)

    def _capital(self) -> Turn:
        country, city = self.rng.choice(self.capitals)
        shown = self.rng.choice((country, country, country, country.lower(), country.removeprefix("the ")))
        return Turn(self._ask(self._pick("capital"), shown), f"The capital of {country} is {city}.")

    def _sum(self) -> Turn:
        first, second = self.rng.randint(0, 5), self.rng.randint(1, 5)
        pattern = self._pick(self.rng.choice(("sum_signs", "sum_signs", "sum_words")))
        shown = [str(first), str(second)]
        if self.rng.random() < 0.4 and "+" not in pattern:
            shown = [self.words["digit"][first], self.words["digit"][second]]
        asked = typed(pattern.format(*shown), self.words, self.rng)
        return Turn(asked, f"{first} + {second} = {first + second}.")

    def _sentence(self) -> Turn:
        subjects, sentence = self.rng.choice(self.sentences)
        return Turn(self._ask(self._pick("sentence"), self.rng.choice(subjects.split("|"))), sentence)

    def system(self) -> str:
        """A system message: one that people use, or any text at all, so that none confuses the model."""
        if self.rng.random() < 0.6:
            return self._pick("system")
        return " ".join(self.filler() for _ in range(self.rng.randint(1, 3)))

    def filler(self) -> str:
        """A sentence that says nothing to the purpose."""
        draw = self.rng.random()
        if draw < 0.4:
            return self._beyond().user
        if draw < 0.7:
            return self.turn().answer
        return expanded(self._pick("filler"), self.words, self.rng).capitalize() + "."

    def long_turn(self, sentences: int) -> Turn:
        """A long text, with a question after or around it, or with none."""
        text = " ".join(self.filler() for _ in range(sentences))
        draw = self.rng.random()
        if draw < 0.4:
            return Turn(text, _TOO_LONG)
        turn = self.turn()
        asked = f"{text}\n\n{turn.user}" if draw < 0.8 else f"{turn.user}\n\n{text} {turn.user}"
        return Turn(asked, turn.answer)

    def _named(self) -> tuple[Turn, Turn]:
        """Somebody says a name and asks for it afterwards."""
        name = self._pick("caller")
        said, asked = self._ask(self._pick("said"), name), self._ask(self._pick("asked"))
        return Turn(said, f"Hello, {name}! Nice to meet you."), Turn(asked, f"Your name is {name}.")

    def turns(self) -> Iterator[Turn]:
        """One conversation, without end."""
        while True:
            draw = self.rng.random()
            if draw < 0.02:
                yield from self._named()
            elif draw < 0.04:
                yield self.long_turn(self.rng.randint(2, 5))
            turn = self.turn()
            yield turn
            if turn.more and self.rng.random() < 0.25:
                again = turn.answer in self.jokes or turn.more.count(". ") > 1
                yield Turn(self._ask(self._pick("again" if again else "more")), turn.more)

    def document(self) -> str:
        """Plain text without a chat around it."""
        kinds = self.rng.choices(
            (self._story, self._of_known, self._of_animal), (3, 4, 3), k=self.rng.randint(2, 5)
        )
        return " ".join(kind().answer for kind in kinds)


if __name__ == "__main__":
    for _, sample in zip(range(40), Corpus(0).turns(), strict=False):
        print(f"> {sample.user}\n{sample.answer}\n")
