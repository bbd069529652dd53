"""The level of an action request: a policy and a request in, a Decision out. Nothing is awaited or looked up."""

from __future__ import annotations

from bot.policy.rules import Policy
from models.values import ActionRequest, Decision


def evaluate(policy: Policy, request: ActionRequest) -> Decision:
    """The first matching rule decides; when none matches, the policy's default."""
    for rule in policy.rules:
        if rule.action.matches(request.action_type):
            return Decision(rule.level, rule.name, policy.version, f'rule "{rule.name}" gives {rule.level}')
    return Decision(policy.default, None, policy.version, f"no rule matches; the default is {policy.default}")


def explain(decision: Decision) -> str:
    """One English line for /why, logs and tests."""
    return f"{decision.level} under policy version {decision.policy_version}: {decision.reason}"
