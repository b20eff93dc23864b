"""What operations are like: the one table of their names. It refines the words of a finding; what flowed decides it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Trait(StrEnum):
    """Something that operations have in common, to a gradient."""

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


# By their stems, whether of a function of torch or of a node.
_TABLE = """
abs                   kink elementwise
acos                  arc elementwise
acosh                 arc elementwise
add                   linear margin
addbmm                product
addmm                 product
addmv                 product
alphadropout          random
amax                  extreme
amin                  extreme
arccos                arc elementwise
arccosh               arc elementwise
arcsin                arc elementwise
arctanh               arc elementwise
asin                  arc elementwise
atan2                 elementwise
atanh                 arc elementwise
baddbmm               product
batchnorm             normalising
bernoulli             draw
binomial              draw
bmm                   product
cauchy                draw
cdist                 kink
ceil                  step
celu                  saturating
clamp                 clamp
clampmax              clamp
clampmin              clamp
clone                 linear
convolution           product
cos                   elementwise
cosh                  elementwise
dist                  kink
div                   product linear division elementwise
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
embedding             lookup
embeddingbag          lookup
entr                  logarithm elementwise
erf                   saturating
erfc                  saturating
exp                   saturating elementwise
exp2                  elementwise
expand                linear
expm1                 elementwise
exponential           draw
featurealphadropout   random
featuredropout        random
fix                   step
floatpower            power elementwise
floor                 step
fmax                  pair
fmin                  pair
gelu                  saturating
geometric             draw
groupnorm             normalising
hardsigmoid           clamp
hardswish             relu
hardtanh              clamp
hypot                 root elementwise
index                 cleaning
indexfill             cleaning
layernorm             normalising
leakyrelu             relu
lgamma                elementwise
linear                product
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
logsumexp             exponentials
maskedfill            cleaning
maskedscatter         cleaning
maskedselect          cleaning
max                   extreme
maximum               pair
mean                  linear
median                extreme
min                   extreme
minimum               pair
mish                  saturating
mm                    product
mul                   product linear margin elementwise
mv                    product
nanmean               cleaning
nanmedian             extreme
nansum                cleaning
nantonum              cleaning
neg                   linear margin elementwise
norm                  kink
normal                draw
pcalowrank            decomposition
pdist                 kink
poisson               draw
pow                   power elementwise
prelu                 relu
random                draw
reciprocal            power elementwise
relu                  relu
reshape               linear
round                 step
rrelu                 random relu
rsqrt                 root elementwise
rsub                  linear margin
selu                  saturating
sgn                   step
sigmoid               saturating elementwise
sign                  step
silu                  saturating
sin                   elementwise
sinc                  saturating
sinh                  elementwise
softmax               softmax
softmin               softmax
softplus              saturating
sqrt                  root elementwise
square                elementwise
squeeze               linear
std                   variance
stdmean               variance
sub                   linear margin
sum                   linear
svd                   decomposition
svdlowrank            decomposition
symeig                decomposition
t                     linear
tan                   elementwise
tanh                  saturating elementwise
threshold             relu
truedivide            division
trunc                 step
uniform               draw
unsafeview            linear
unsqueeze             linear
var                   variance
varmean               variance
vectornorm            kink
view                  linear
xlogy                 logarithm elementwise
"""
_TRAITS = {
    name: frozenset(map(Trait, traits)) for name, *traits in (line.split() for line in _TABLE.strip().splitlines())
}
_NONE = frozenset[Trait]()


def has(name: str, *traits: Trait) -> bool:
    """Whether the operation of this name has one of the traits."""
    return not _TRAITS.get(name.replace("_", ""), _NONE).isdisjoint(traits)


def have(names: Iterable[str], *traits: Trait) -> bool:
    """Whether one of these names has one of the traits."""
    return any(has(name, *traits) for name in names)
