"""All rules, in the order in which `agx rules` lists them, and in which findings of equal rank are reported."""

from __future__ import annotations

from autograd_cli.rules.families import (
    backward_calls,
    clipping,
    custom_functions,
    dropped_results,
    flag_on_loss,
    frozen,
    grad_order,
    hidden_leaf,
    hooks,
    leaf_flags,
    leaf_results,
    left_over,
    limits,
    modes_and_dtypes,
    nan,
    no_derivative,
    not_in_graph,
    optimizers,
    partly_clamped,
    programs,
    refused_writes,
    repeated_index,
    requests,
    same_network,
    saved_tensors,
    scale,
    second_derivative,
    second_order,
    softmax_twice,
    symptoms,
    thrown_away,
    tracking_off,
    two_optimizers,
    zero,
)
from autograd_cli.rules.rule import Rule

_MODULES = (
    *(leaf_results, leaf_flags, hidden_leaf),
    *(flag_on_loss, tracking_off, no_derivative, custom_functions, second_order),
    *(saved_tensors, refused_writes, dropped_results),
    *(backward_calls, grad_order, not_in_graph, modes_and_dtypes),
    *(thrown_away, left_over, clipping, same_network, frozen, two_optimizers, optimizers),
    *(nan, second_derivative, zero, softmax_twice, repeated_index, partly_clamped, scale, hooks, symptoms),
    *(programs, requests, limits),
)
CATALOGUE: dict[str, Rule] = {rule.slug: rule for module in _MODULES for rule in module.RULES}
