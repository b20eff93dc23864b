"""Traits of operations, in the one table of their names. They refine a finding's words; what flowed decides it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache


class Trait(StrEnum):
    """Something that operations have in common, as far as gradients are concerned."""

    STEP = "step"  # flat but for its jumps: its derivative is 0 everywhere
    DRAW = "draw"  # draws at random, with its operands for parameters
    RANDOM = "random"  # drops elements by chance
    RELU = "relu"  # off for elements below a bound
    CLAMP = "clamp"  # bounds each element
    PAIR = "pair"  # the larger or the smaller of two
    SATURATING = "saturating"  # so flat far out that its derivative is 0 there
    SOFTMAX = "softmax"  # normalises exponentials: what it returns sums to 1
    EXPONENTIALS = "exponentials"  # sums up exponentials
    NORMALISING = "normalising"  # takes the mean off and divides by the spread
    KINK = "kink"  # has no derivative at 0, where torch takes 0
    PRODUCT = "product"  # multiplies the gradient by its operands
    EXTREME = "extreme"  # one element of many
    LOOKUP = "lookup"  # rows of a table
    LINEAR = "linear"  # hands on what arrives, times numbers that do not depend on its operands
    MARGIN = "margin"  # what a hinge loss is made of before its bound
    ROOT = "root"  # its derivative is infinite at 0
    LOGARITHM = "logarithm"  # infinite at 0, and so is its derivative
    ARC = "arc"  # its derivative is infinite at 1 and -1
    DECOMPOSITION = "decomposition"  # divides by the differences of its values
    VARIANCE = "variance"  # divides by n - 1
    POWER = "power"  # its derivative depends on base and exponent
    DIVISION = "division"  # by what may be 0
    CLEANING = "cleaning"  # is written to throw away what is no number
    ELEMENTWISE = "elementwise"  # one element of each element
    DIFFERENCE = "difference"  # one operand minus the other
    DISTANCE = "distance"  # how far two are from each other
    PAIRED_LOSS = "paired_loss"  # a loss of each element of a prediction and its target
    REDUCTION = "reduction"  # sums up all elements of an axis, or of all
    KERNEL = "kernel"  # shows that every pair is meant, as a kernel or a nearest neighbour does
    RESHAPE = "reshape"  # the same elements in another shape
    MASKING = "masking"  # chooses by a condition
    INDEXING = "indexing"  # looks up by positions
    FILLING = "filling"  # makes a new tensor of numbers
    ADDITIVE = "additive"  # adds up, or scales what is added up
    CONSTANT = "constant"  # takes a value as a constant, or in steps
    CLIPPING = "clipping"  # scales or bounds gradients before a step
    SHAPED = "shaped"  # takes nothing of its second operand but the shape or the dtype


# Stems and verbs, without underscores and capitals, whether of a function of torch or of a node.
_TABLE = """
abs                   kink elementwise
acos                  arc elementwise
acosh                 arc elementwise
add                   linear margin additive
addbmm                product
addmm                 product
addmv                 product
alphadropout          random
amax                  extreme kernel
amin                  extreme kernel
arange                filling
arccos                arc elementwise
arccosh               arc elementwise
arcsin                arc elementwise
arctanh               arc elementwise
argmin                kernel
asin                  arc elementwise
atan2                 elementwise
atanh                 arc elementwise
baddbmm               product
batchnorm             normalising
bernoulli             draw
binomial              draw
bmm                   product
cauchy                draw
cdist                 kink distance
ceil                  step
celu                  saturating
clamp                 clamp
clampmax              clamp
clampmin              clamp
clipgradnorm          clipping
clipgradswithnorm     clipping
clipgradvalue         clipping
clone                 linear
convolution           product
cos                   elementwise
cosh                  elementwise
cosinesimilarity      distance
crossentropy          indexing
crossentropyloss      indexing
data                  constant
detach                constant
dist                  kink distance
div                   product linear division elementwise additive
divide                division
dot                   product
dropout               random
dropout1d             random
dropout2d             random
dropout3d             random
eig                   decomposition
eigh                  decomposition
eigvals               decomposition
elu                   saturating
embedding             lookup indexing
embeddingbag          lookup
entr                  logarithm elementwise
erf                   saturating
erfc                  saturating
exp                   saturating elementwise kernel
exp2                  elementwise
expand                linear reshape
expandas              linear reshape shaped
expm1                 elementwise
exponential           draw
eye                   filling
featurealphadropout   random
featuredropout        random
fix                   step
float                 constant
floatpower            power elementwise
floor                 step
fmax                  pair
fmin                  pair
full                  filling
fulllike              filling
gather                indexing
gelu                  saturating
geometric             draw
getitem               reshape
groupnorm             normalising
hardsigmoid           clamp
hardswish             relu
hardtanh              clamp
huberloss             paired_loss
hypot                 root elementwise
index                 cleaning
indexadd              indexing
indexcopy             indexing
indexfill             cleaning indexing
indexselect           indexing
int                   constant
item                  constant
l1loss                paired_loss
layernorm             normalising
leakyrelu             relu
lgamma                elementwise
linear                product
linspace              filling
log                   logarithm elementwise
log10                 logarithm elementwise
log1p                 logarithm elementwise
log2                  logarithm elementwise
logaddexp             exponentials
logcumsumexp          exponentials
logit                 logarithm elementwise
lognormal             draw
logsigmoid            saturating
logsoftmax            softmax
logspace              filling
logsumexp             exponentials kernel
maskedfill            cleaning masking
maskedscatter         cleaning masking
maskedselect          cleaning masking
max                   extreme kernel
maximum               pair
mean                  linear reduction additive
median                extreme
min                   extreme kernel
minimum               pair
mish                  saturating
mm                    product
mseloss               paired_loss
mt                    reshape
mul                   product linear margin elementwise additive
mv                    product
nanmean               cleaning
nanmedian             extreme
nansum                cleaning
nantonum              cleaning
neg                   linear margin elementwise
newfull               filling
nllloss               indexing
nograd                constant
norm                  kink
normal                draw
pairwisedistance      distance
pcalowrank            decomposition
pdist                 kink
poisson               draw
poissonnllloss        paired_loss
pow                   power elementwise
prelu                 relu
random                draw
range                 indexing filling
reciprocal            power elementwise
relu                  relu
reshape               linear reshape
reshapeas             linear reshape shaped
round                 step constant
rrelu                 random relu
rsqrt                 root elementwise
rsub                  linear margin difference
scatter               indexing
scatteradd            indexing
selu                  saturating
sgn                   step constant
sigmoid               saturating elementwise
sign                  step constant
silu                  saturating
sin                   elementwise
sinc                  saturating
sinh                  elementwise
smoothl1loss          paired_loss
softmax               softmax kernel
softmin               softmax
softplus              saturating
sqrt                  root elementwise
square                elementwise
squeeze               linear
std                   variance
stdmean               variance
sub                   linear margin difference additive
subtract              difference
sum                   linear reduction additive
svd                   decomposition
svdlowrank            decomposition
symeig                decomposition
t                     linear reshape
take                  indexing
takealongdim          indexing
tan                   elementwise
tanh                  saturating elementwise
tensor                constant
threshold             relu
tolist                constant
truedivide            division
trunc                 step
typeas                linear shaped
uniform               draw
unsafeview            linear
unsqueeze             linear reshape
var                   variance
varmean               variance
vectornorm            kink
view                  linear reshape
viewas                linear reshape shaped
where                 masking
xlogy                 logarithm elementwise
"""
_TRAITS = {
    name: frozenset(map(Trait, traits)) for name, *traits in (line.split() for line in _TABLE.strip().splitlines())
}
_NONE = frozenset[Trait]()


def has(name: str, *traits: Trait) -> bool:
    """Whether the operation of this name has one of the traits."""
    return not _traits_of(name).isdisjoint(traits)


@lru_cache(maxsize=4096)  # it is asked of every value of a run, again and again
def _traits_of(name: str) -> frozenset[Trait]:
    return _TRAITS.get(name.replace("_", "").lower(), _NONE)


def have(names: Iterable[str], *traits: Trait) -> bool:
    """Whether one of these names has one of the traits."""
    return any(has(name, *traits) for name in names)
