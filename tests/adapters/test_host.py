"""The host of an event loop: what is started on it ends with it, however the loop is run, and nothing else does."""

import asyncio
import contextlib
import contextvars
import gc
import subprocess
import sys
import textwrap
import threading
import weakref
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeAlias

import anyio
import pytest
import uvloop
from anyio.lowlevel import checkpoint

from tidewire.adapters.host import Host, HostClosedError, aclose_all, current_host, runs_on_asyncio, start_hosted

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


class Pool:
    """Something that a loop keeps and closes."""

    def __init__(self) -> None:
        self.closed = 0

    async def aclose(self) -> None:
        await anyio.sleep(0.001)
        self.closed += 1


def keep(pool: Pool, owner: object = None) -> Pool:
    return current_host().keep(owner, None, lambda: pool, Pool.aclose)


def hosts_tasks() -> list[str]:
    """The host's tasks on this loop, by what they run."""
    return [repr(task.get_coro()) for task in asyncio.all_tasks() if "Host" in repr(task) or "Handle" in repr(task)]


# --- one task


async def test_a_task_gives_its_result_to_whoever_waits() -> None:
    async def add(a: int, b: int) -> int:
        await checkpoint()
        return a + b

    handle = current_host().start(add, 1, 2)
    assert not handle.done
    assert await handle.wait() == 3
    assert handle.done
    assert handle.succeeded
    assert handle.result() == 3
    assert await (await start_hosted(add, 5, 6)).wait() == 11


async def test_an_error_stays_with_its_task() -> None:
    async def fail() -> None:
        await checkpoint()
        raise ZeroDivisionError

    async def live() -> str:
        await anyio.sleep(0.01)
        return "alive"

    other = current_host().start(live)
    handle = current_host().start(fail)
    with pytest.raises(ZeroDivisionError):
        await handle.wait()
    with pytest.raises(ZeroDivisionError):
        handle.result()
    await handle.settle()
    assert await other.wait() == "alive"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), BaseExceptionGroup("", [GeneratorExit()])])
async def test_even_an_exit_goes_to_whoever_waits(error: BaseException) -> None:
    async def leave() -> None:
        await checkpoint()
        raise error

    with pytest.raises(type(error)):
        await current_host().start(leave).wait()
    assert not current_host().closing


async def test_a_cancelled_task_says_so() -> None:
    handle = current_host().start(anyio.sleep_forever)
    handle.cancel()
    await handle.settle()
    assert handle.done
    assert not handle.succeeded
    with pytest.raises(HostClosedError):
        await handle.wait()


async def test_a_task_that_is_cancelled_before_it_begins_ends_too() -> None:
    began = False

    async def begin() -> None:
        nonlocal began
        await checkpoint()
        began = True

    handle = current_host().start(begin)
    handle.cancel()
    with anyio.fail_after(10):
        await handle.aclose()
    assert not began


async def test_cancelling_who_waits_leaves_the_task() -> None:
    go_on = anyio.Event()
    handle = current_host().start(go_on.wait)
    with anyio.move_on_after(0.01) as scope:
        await handle.wait()
    assert scope.cancelled_caught
    assert not handle.done
    go_on.set()
    await handle.wait()


async def test_a_task_runs_in_its_starters_context_and_the_host_does_not() -> None:
    variable: contextvars.ContextVar[object] = contextvars.ContextVar("variable")

    class Value:
        pass

    async def look() -> object:
        return variable.get()

    await aclose_all()
    value = Value()
    token = variable.set(value)
    assert await current_host().start(look).wait() is value
    variable.reset(token)
    reference = weakref.ref(value)
    del value
    await checkpoint()
    gc.collect()
    assert reference() is None


# --- cancelled callers


async def clean_up(steps: list[str], begun: anyio.Event) -> None:
    """Work whose clean-up awaits, behind a shield."""
    try:
        begun.set()
        await anyio.sleep_forever()
    finally:
        with anyio.CancelScope(shield=True):
            for number in range(3):
                await anyio.sleep(0.002)
                steps.append(f"step {number}")


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_the_clean_up_of_a_function_is_not_cut_short(times: int) -> None:
    steps: list[str] = []
    begun = anyio.Event()

    async def work() -> None:
        handle = current_host().start(clean_up, steps, begun)
        try:
            await handle.wait()
        finally:
            try:
                await handle.aclose()
            finally:
                steps.append("caller ends")

    if runs_on_asyncio():
        task = asyncio.create_task(work())
        await begun.wait()
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0.001)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
    else:
        async with anyio.create_task_group() as group:
            group.start_soon(work)
            await begun.wait()
            group.cancel_scope.cancel()
    assert steps == ["step 0", "step 1", "step 2", "caller ends"]


async def test_a_cancelled_caller_that_settles_is_cancelled_afterwards() -> None:
    go_on = anyio.Event()
    handle = current_host().start(go_on.wait)
    steps: list[str] = []

    async def work() -> None:
        try:
            await handle.settle()
            await checkpoint()
        finally:
            steps.append(f"done: {handle.done}")

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.005)
            assert steps == []
            go_on.set()
    assert steps == ["done: True"]


# --- what is kept


async def test_what_is_kept_is_made_once_and_closed_when_dropped() -> None:
    owner, other = object(), object()
    pool = Pool()
    assert keep(pool, owner) is pool
    assert keep(Pool(), owner) is pool
    kept = keep(Pool(), other)
    assert kept is not pool
    await current_host().drop(owner)
    assert (pool.closed, kept.closed) == (1, 0)
    await current_host().drop(owner)
    assert keep(Pool(), owner) is not pool
    assert pool.closed == 1


async def test_closing_ends_tasks_first_then_pools_in_reverse_and_leaves_no_task() -> None:
    await aclose_all()
    steps: list[str] = []

    async def close(name: str) -> None:
        await checkpoint()
        steps.append(name)

    for name in ("first", "second"):
        current_host().keep(name, None, partial(str, name), close)
    begun = anyio.Event()
    handle = current_host().start(clean_up, steps, begun)
    await begun.wait()
    await aclose_all()
    assert steps == ["step 0", "step 1", "step 2", "second", "first"]
    assert handle.done
    if runs_on_asyncio():
        assert hosts_tasks() == []
    await aclose_all()
    keep(Pool())
    if runs_on_asyncio():
        assert len(hosts_tasks()) == 1
    await aclose_all()


async def test_one_pool_that_cannot_be_closed_does_not_keep_the_others_open(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidewire.adapters.host.GRACE_S", 0.05)
    await aclose_all()

    async def fail(pool: Pool) -> None:
        await checkpoint()
        raise ZeroDivisionError

    async def hang(pool: Pool) -> None:
        await anyio.sleep_forever()

    pool = keep(Pool())
    current_host().keep("failing", None, Pool, fail)
    current_host().keep("hanging", None, Pool, hang)

    async def stubborn() -> None:
        with anyio.CancelScope(shield=True):
            await finish.wait()

    finish = anyio.Event()
    handle = current_host().start(stubborn)
    await checkpoint()
    with anyio.fail_after(10):
        await aclose_all()
    assert pool.closed == 1
    assert "ZeroDivisionError" in caplog.text
    finish.set()
    await handle.settle()


async def test_a_task_that_closes_everything_does_not_wait_for_itself() -> None:
    pool = keep(Pool())
    sibling = current_host().start(anyio.sleep_forever)

    async def inner() -> str:
        await aclose_all()
        return f"{pool.closed} {sibling.done}"

    async def outer() -> str:
        return await current_host().start(inner).wait()

    with anyio.fail_after(10):
        assert await current_host().start(outer).wait() == "1 True"


@pytest.mark.parametrize("times", [1, 2])
async def test_closing_goes_on_when_the_caller_is_cancelled(times: int) -> None:
    await aclose_all()
    pool = keep(Pool())
    if runs_on_asyncio():
        task = asyncio.create_task(aclose_all())
        await asyncio.sleep(0)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await aclose_all()
    assert pool.closed == 1


async def test_another_host_follows_one_that_was_closed() -> None:
    first = current_host()
    assert current_host() is first
    await aclose_all()
    second = current_host()
    assert second is not first
    await second.start(anyio.sleep, 0).wait()


# --- how loops are run

Main: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

RUNNERS: dict[str, Callable[[Main], object]] = {
    "asyncio.run": lambda main: asyncio.run(main()),
    "uvloop.run": lambda main: uvloop.run(main()),
    "anyio.run on asyncio": lambda main: anyio.run(main),
    "anyio.run on trio": lambda main: anyio.run(main, backend="trio"),
}


async def return_soon() -> None:
    await checkpoint()


async def fail_soon() -> None:
    await checkpoint()
    raise ZeroDivisionError


async def leave_at_once() -> None:
    """Nothing awaited: the host's task has not begun when the loop ends."""


@pytest.fixture(params=RUNNERS.values(), ids=list(RUNNERS))
def run(request: pytest.FixtureRequest) -> Callable[[Main], object]:
    runner: Callable[[Main], object] = request.param
    return runner


@pytest.mark.parametrize("then", [return_soon, fail_soon, leave_at_once])
def test_the_host_ends_with_its_loop(run: Callable[[Main], object], then: Main) -> None:
    for _ in range(3):
        pool = Pool()
        steps: list[str] = []

        async def main(pool: Pool = pool, steps: list[str] = steps) -> None:
            keep(pool)
            begun = anyio.Event()
            current_host().start(clean_up, steps, begun)
            if then is not leave_at_once:
                await begun.wait()
            await then()

        with pytest.raises(ZeroDivisionError) if then is fail_soon else contextlib.nullcontext():
            run(main)
        assert pool.closed == 1
        assert steps == ["step 0", "step 1", "step 2"]


def test_the_host_ends_with_a_loop_whose_main_task_waits_for_it(run: Callable[[Main], object]) -> None:
    pool = Pool()

    async def interrupt() -> None:
        await anyio.sleep(0.01)
        raise ZeroDivisionError

    async def main() -> None:
        keep(pool)
        async with anyio.create_task_group() as group:
            group.start_soon(interrupt)
            await current_host().start(anyio.sleep_forever).wait()

    with pytest.raises(ExceptionGroup):
        run(main)
    assert pool.closed == 1


def test_what_is_used_while_a_loop_ends_is_closed_too() -> None:
    late = Pool()

    async def use_late() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.005)  # the host has ended by now
            keep(late)

    tasks: list[asyncio.Task[None]] = []

    async def main() -> None:
        keep(Pool())
        tasks.append(asyncio.create_task(use_late()))
        await asyncio.sleep(0)

    asyncio.run(main())
    assert late.closed == 1


def test_eight_threads_have_eight_hosts() -> None:
    hosts: list[Host] = []
    pools = [Pool() for _ in range(8)]

    async def main(number: int) -> None:
        keep(pools[number])
        hosts.append(mine := current_host())
        for _ in range(20):
            await mine.start(anyio.sleep, 0.001).wait()
            assert current_host() is mine

    def work(number: int) -> None:
        anyio.run(main, number, backend="trio" if number % 2 else "asyncio")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, hosts))) == 8
    assert [pool.closed for pool in pools] == [1] * 8


@pytest.mark.parametrize("new_loop", LOOPS, ids=["asyncio", "uvloop"])
def test_a_loop_driven_by_hand_ends_its_host_when_it_is_closed(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    loop = new_loop()
    pool = Pool()
    steps: list[str] = []

    async def main() -> Host:
        begun = anyio.Event()
        keep(pool)
        current_host().start(clean_up, steps, begun)
        await begun.wait()
        return current_host()

    async def again() -> Host:
        return current_host()

    host = loop.run_until_complete(main())
    assert loop.run_until_complete(again()) is host
    assert pool.closed == 0
    loop.close()
    assert loop.is_closed()
    assert pool.closed == 1
    assert steps == ["step 0", "step 1", "step 2"]
    loop.close()
    with pytest.raises(RuntimeError):
        host.start(anyio.sleep, 0)
    reference = weakref.ref(loop)
    del loop, host
    gc.collect()
    assert reference() is None


def test_a_loop_whose_host_was_closed_has_its_own_close_back() -> None:
    loop = asyncio.new_event_loop()

    async def main() -> None:
        keep(Pool())
        assert "close" in vars(loop)
        await aclose_all()
        for _ in range(3):
            await asyncio.sleep(0)
        assert "close" not in vars(loop)
        keep(Pool())

    loop.run_until_complete(main())
    loop.close()
    assert loop.is_closed()


def test_a_loop_that_is_closed_inside_another_one_is_closed_as_far_as_it_goes() -> None:
    loop = asyncio.new_event_loop()
    pool = Pool()

    async def main() -> None:
        keep(pool)

    async def other() -> None:
        loop.close()

    loop.run_until_complete(main())
    asyncio.run(other())
    assert loop.is_closed()
    assert pool.closed == 0  # nothing can run on a loop while another one runs in its thread


def test_a_loop_is_closed_even_if_its_host_cannot_be() -> None:
    loop = asyncio.new_event_loop()

    async def interrupt(pool: Pool) -> None:
        raise KeyboardInterrupt

    async def main() -> None:
        current_host().keep(None, None, Pool, interrupt)

    loop.run_until_complete(main())
    with pytest.raises(KeyboardInterrupt):
        loop.close()
    assert loop.is_closed()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_tasks_that_are_cancelled_with_all_others_before_they_begin_end_too() -> None:
    await aclose_all()
    handle = current_host().start(anyio.sleep_forever)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        if "Host" in repr(task) or "Handle" in repr(task):
            task.cancel()
    with anyio.fail_after(10):
        await handle.settle()
        await aclose_all()
    assert hosts_tasks() == []


# --- what needs a process of its own


# asyncio, when it looks closely, tells of every step that took long, which on a machine with other work any may.
UNHURRIED = """
import logging
logging.getLogger("asyncio").addFilter(lambda record: not record.getMessage().startswith("Executing"))
"""


def python(script: str, *options: str) -> str:
    """What a script prints, to either stream, under Python with all warnings."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", *options, "-c", UNHURRIED + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_loop_that_is_dropped_unclosed_is_collected_and_python_alone_tells_of_it() -> None:
    printed = python(
        """
        import asyncio, gc, weakref
        from tidewire.adapters.host import current_host

        async def close(pool): print("closed")
        async def main():
            current_host().keep(None, None, object, close)
            await current_host().start(asyncio.sleep, 0).wait()

        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        reference = weakref.ref(loop)
        del loop
        gc.collect()
        print("collected", reference() is None)
        """
    )
    assert "collected True" in printed
    assert "unclosed event loop" in printed
    assert "Task was destroyed" not in printed
    assert "ignored GeneratorExit" not in printed


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_forked_child_leaves_its_parents_hosts_alone(backend: str) -> None:
    printed = python(
        f"""
        import os, sys
        import anyio
        from tidewire.adapters.host import aclose_all, current_host

        async def close(name): print("closed", name, "by", "child" if os.getpid() != parent else "parent", flush=True)
        async def child():
            assert current_host() is not kept
            current_host().keep(None, None, lambda: "the child's", close)
        async def main():
            global kept
            kept = current_host()
            kept.keep(None, None, lambda: "the parent's", close)
            await anyio.sleep(0)
            pid = os.fork()
            if pid == 0:
                os._exit(in_child())
            assert os.waitpid(pid, 0)[1] == 0
            assert current_host() is kept

        def in_child():
            import threading
            # A new thread, since this one still stands inside of the parent's loop.
            thread = threading.Thread(target=lambda: anyio.run(child, backend="{backend}"))
            thread.start()
            thread.join()
            return 0

        parent = os.getpid()
        anyio.run(main, backend="{backend}")
        """,
        "-W",
        "ignore::DeprecationWarning",  # of forking beside threads, on Python 3.12 and above
    )
    assert printed.splitlines() == ["closed the child's by child", "closed the parent's by parent"]


def test_a_loop_that_is_used_again_after_a_fork_has_a_host_of_its_own() -> None:
    printed = python(
        """
        import asyncio, gc, os
        from tidewire.adapters.host import aclose_all, current_host

        async def close(name): print("closed", name, flush=True)
        async def use(name):
            print(current_host().keep(None, None, lambda: name, close), flush=True)

        loop = asyncio.new_event_loop()
        loop.run_until_complete(use("the parent's"))
        pid = os.fork()
        if pid == 0:
            loop.run_until_complete(use("the child's"))
            loop.close()
            gc.collect()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        loop = None
        gc.collect()
        """,
        "-W",
        "ignore::ResourceWarning",
    )
    assert printed.splitlines() == ["the parent's", "the child's", "closed the child's", "closed the parent's"]
