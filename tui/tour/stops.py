"""The stops of the tour, in order: from one prompt to what training rests at."""

from tui.tour.stop import Batch, FreshModel, Lab, Live, Pane, Prompt, Row, Steps, Stop

_CAT = "The fat cat sat on the mat"

STOPS = (
    Stop(
        name="rows",
        title="One text, many examples",
        sets_up=(Prompt(_CAT), Row(0), Pane("table")),
        sentences=(
            "Each row is a question: what comes after this prefix?",
            "These seven tokens make six rows whose answer stands in the text, and one open row at the end.",
            "Go through them with ↑ and ↓; 2 shows what the model expected there, and 1 comes back.",
            "i shows the token ids and the shape of the logits: one vector of 50,257 scores a token.",
        ),
        question="The text is read only once. How can it be six training examples?",
        answer="The model predicts after every token, not only after the last one. So a text is its own "
        "answer sheet: the targets are its tokens, moved one place to the left, and every pair of prefix and "
        "target stands alone.",
    ),
    Stop(
        name="batch",
        title="A grid of examples",
        sets_up=(Batch(),),
        sentences=(
            "This is the batch of the training step that comes next; the run itself has not moved.",
            "Every cell is one prediction with a −log~p of its own: b rows of n tokens are b·n of them.",
            "The loss of the step is their mean, and nothing else.",
            "The arrows go from cell to cell, Enter on through the step.",
        ),
        question="What does cross_entropy(logits.flatten(0, 1), targets.flatten()) make of it?",
        answer="It lays the rows end to end, from (b,~n,~V) to (b·n,~V): which of them a prediction comes "
        "from makes no difference. Then it averages −log~p of the targets. To average log~p first and put "
        "the minus in front gives the same number.",
    ),
    Stop(
        name="softmax",
        title="From scores to chances",
        sets_up=(Lab("logits", "start"),),
        sentences=(
            "Three tokens have the scores, called logits, 10.3, 7.6 and 9.9.",
            "Softmax raises e to each and divides by the sum: p is 0.5755, 0.0387 and 0.3858, together 1.",
            "Change one logit, with ← and → or typed behind Enter, and watch all three bars move.",
        ),
        question="What happens if 100 is added to every logit?",
        answer="Nothing. All three powers of e grow by the same factor, which the division takes out again. "
        "Only differences count: 10.3~−~9.9 = 0.4, so the first token is e^0.4 = 1.49 times as likely as the "
        "third.",
    ),
    Stop(
        name="target",
        title="Only one p counts",
        sets_up=(Lab("logits", "start"),),
        sentences=(
            "The second token is the one that really came, the target: its p is 0.0387, and the loss is "
            "−log~0.0387 = 3.25 nats.",
            "As a distribution the target is one-hot, [0,~1,~0].",
            "The loss has the gradient p~−~one-hot at the logits: [0.5755, −0.9613, 0.3858], 0 in sum.",
            "Space nudges the logits down that gradient, l turns to two other losses.",
        ),
        question="−log~p has only the target in it. Why do the other two bars shrink?",
        answer="The three p always sum to 1: what the target gains, the others must give. The gradient says "
        "how: each of them goes down in proportion to its own p, the target up by the 1~−~p it still lacks.",
    ),
    Stop(
        name="surprise",
        title="Why −log p, not 1 − p",
        sets_up=(Lab("surprise", "curves"),),
        sentences=(
            "Both curves are 0 where p = 1, and both rise as p falls.",
            "From p = 0.5 to 0.001, 1~−~p grows by 0.499, no more than from 0.999 to 0.5.",
            "−log~p goes from 0.693 to 6.908 nats there, and its slope −1/p gets ever steeper.",
            "← and → move the cursor along p.",
        ),
        question="One model gave the right token p = 0.001, another 0.000001. How far apart are they?",
        answer="For 1~−~p they are as good as equal: 0.999 and 0.999999. For −log~p one is twice as "
        "surprised, 13.816 nats against 6.908, and its slope is a thousand times as steep: the worse the "
        "guess, the harder the pull.",
    ),
    Stop(
        name="dice",
        title="Surprises add up",
        sets_up=(Lab("surprise", "dice"),),
        sentences=(
            "To roll a three has p = 1/6, to roll two of them has 1/36.",
            "1~−~p goes from 0.833 to 0.972, and nothing about these two numbers adds up.",
            "−log~p goes from 1.792 to 3.584 nats, exactly twice: where chances multiply, surprises add.",
            "Space rolls the dice.",
        ),
        question="What is the surprise of a whole text?",
        answer="A text has the p of its first token times the p of each next one after its prefix. So its "
        "surprise is the sum of the −log~p of its tokens, and the loss is such a sum divided by how many "
        "were scored.",
    ),
    Stop(
        name="entropy",
        title="The surprise to expect",
        sets_up=(Lab("entropy", "coin"),),
        sentences=(
            "Entropy is expected surprise, H(p)~= −Σ~p~log~p: each outcome's −log~p, counted as often as it "
            "comes.",
            "A fair coin has ln~2 = 0.693 nats, which is 1 bit; a die has ln~6 = 1.792 nats.",
            "+ makes one side likelier and e goes on to other examples: see what the sum is made of.",
        ),
        question="Which has the higher entropy, the weather in London or in the Sahara? And a source that "
        "sends only zeros?",
        answer="London: its weathers are about equally likely, so each day surprises. In the Sahara the rare "
        "day surprises greatly but hardly ever comes. Always zeros has 0: −log~1 = 0, and 0~·~log~0 counts "
        "as 0.",
    ),
    Stop(
        name="cross",
        title="What is crossed",
        sets_up=(Lab("entropy", "start"),),
        sentences=(
            "H(p,~q) = −Σ~p~log~q crosses two distributions.",
            "How often an outcome comes is up to the world, p; how surprising it is, is up to the model, q.",
            "What it has above H(p) is KL(p‖q) = H(p,~q)~−~H(p), the cost of believing q.",
            "Tab turns to q, + and − change it, and = sets q to p, where H(p,~q) is lowest.",
        ),
        question="What if q gives 0 to something that does happen?",
        answer="Then H(p,~q) is ∞: the day it happens, no surprise is great enough. Softmax never gives a p "
        "of 0, so a language model can be very wrong, but not infinitely wrong.",
    ),
    Stop(
        name="one-hot",
        title="One term is left",
        sets_up=(Lab("entropy", "one-hot"),),
        sentences=(
            "In a training text p is one-hot: the token that came has 1, all others have 0.",
            "So every other term of H(p,~q) is 0~·~log~q = 0, and what is left is −log~q of that token.",
            "This is why the loss of a row needs one p only.",
            "o makes the row under the cursor the one that came, or takes that back.",
        ),
        question="How large is H(p) of a one-hot p, and what does that make of KL(p‖q)?",
        answer="H(p) is 0, as a certain outcome surprises nobody. Then KL(p‖q) is all of H(p,~q): the whole "
        "loss looks as if the model could get rid of it. Whether it can is asked two stops from here.",
    ),
    Stop(
        name="doubt",
        title="The model's own doubt",
        sets_up=(Prompt("Once upon a"), Row(None), Lab("entropy", "prompts")),
        sentences=(
            "A prediction q has an entropy too, H(q): the surprise that the model itself expects.",
            Live(
                "After “Once upon a” the model at hand has H(q)~=~{entropy}, as if it chose among {choices} "
                "equally likely tokens.",
                "e to H(q) is called effective choices: as many equally likely tokens would leave as much "
                "doubt.",
            ),
            "One that knows nothing would have ln~50,257 = 10.825 nats, which is 15.617 bits.",
            "e turns to other prompts, and Enter lets you type your own.",
        ),
        question="Is a model with little doubt a good one?",
        answer="Not by that alone: it may be sure and wrong. H(q) asks the model before anything comes; "
        "−log~p asks what came. A good model is in little doubt where the text leaves little, and in doubt "
        "where it should be.",
    ),
    Stop(
        name="certainty",
        title="Where the loss rests",
        sets_up=(Lab("certainty", "start"),),
        sentences=(
            "Of 20 sentences that begin “The fat cat sat on the”, 14 go on with mat, 4 with dog, 2 with lap.",
            "Each one-hot target claims to be the only right one.",
            "1 trains a little model on them: its q settles near 0.7, 0.2 and 0.1, and the loss of the last "
            "position near H(p) = 0.802 nats, not at 0.",
            "2 trains it on soft targets, all of p at once.",
        ),
        question="Are soft targets better?",
        answer="They lead to the same place, with less noise on the way: on average the one-hot pushes are "
        "the push of p. A real text only ever shows what came, and given enough text that will do.",
    ),
    Stop(
        name="training",
        title="Downhill, step by step",
        sets_up=(FreshModel(), Prompt(_CAT), Row(None), Steps(20), Pane("chart")),
        sentences=(
            "The tour trains an untrained model here, for 20 steps; what you had is saved, and comes back "
            "when you go on or leave.",
            "Its loss begins near ln~50,257 = 10.825 nats, a blind guess, and falls.",
            "F2 makes one more step, F3 runs and pauses, F4 goes back one, exactly.",
            "← and → on the chart show the prompt at earlier steps.",
        ),
        question="Who tells the model what the right answers are?",
        answer="Nobody has to: the text does. Each of its tokens is the target of the prefix before it, so "
        "any text at all can be trained on. The validation loss tells whether that helps with a text it was "
        "not trained on.",
    ),
    Stop(
        name="perplexity",
        title="As if choosing from",
        sets_up=(Prompt(_CAT), Row(None), Lab("perplexity", "prompt")),
        sentences=(
            "Perplexity is e to the mean −log~p: as if every token had been guessed among so many.",
            Live(
                "This prompt has a mean of {mean} here, and so a perplexity of {perplexity}.",
                "It is another way to write the loss, so it stands wherever a mean loss does.",
            ),
            "A mean of ln~50,257 = 10.825 nats makes it 50,257: the whole vocabulary.",
            "See which tokens carry the mean; m turns any mean that you type into a perplexity.",
        ),
        question="exp~H(q), the effective choices, counts tokens as well. What sets it apart?",
        answer="Effective choices are the model's own doubt, before anything comes. Perplexity is the "
        "verdict of what came: a model can waver between two tokens, and the text go on with a third.",
    ),
)
