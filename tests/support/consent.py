"""Hosts and persons for tests of consent that ends while work runs."""

from __future__ import annotations

from dataclasses import replace

from songreel.nodes.host import port as host_port
from songreel.nodes.person.charcha.store import store_of
from support.small_host import SmallHost


class AskingHost(SmallHost):
    """A small host that asks at every sampler step, as both real hosts do, and lets a test act at one of them.

    at_step: after which step `act` is called. sampled: how many steps were begun.
    """

    def __init__(self, root, *, at_step=None, act=None):
        super().__init__(root)
        self.at_step, self.act, self.sampled = at_step, act, 0

    def check_interrupt(self):
        host_port.Host.check_interrupt(self)

    def sample(self, model, noise, positive, negative, sampling):
        def on_step(index, x0):
            self.sampled += 1
            if self.sampled == self.at_step:
                self.act()
            self.check_interrupt()
            if sampling.on_step is not None:
                sampling.on_step(index, x0)

        return super().sample(model, noise, positive, negative, replace(sampling, on_step=on_step))


def take_back(host, record_id, how):
    """Revoke or delete a record, as another process does it."""
    return getattr(store_of(host), how)(record_id)
