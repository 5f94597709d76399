"""The thread in which detectors look: used again, left behind when it is late, gone with the thread that it belongs to."""

from __future__ import annotations

import gc
import os
import threading
import weakref

import pytest

from gitalign.engine.gates.second_thread import SecondThreads


def ids_of(threads: SecondThreads, times: int) -> list[int]:
    seen: list[int] = []
    for _ in range(times):
        assert threads.looked(lambda: seen.append(threading.get_ident()), within_s=10)
    return seen


def test_one_thread_looks_for_all_calls_of_a_thread_and_ends_with_it() -> None:
    found: list[list[int]] = []
    looking: list[threading.Thread] = []
    threads = SecondThreads()

    def work() -> None:
        found.append(ids_of(threads, 3))
        looking.extend(one for one in threading.enumerate() if one.ident == found[0][0])

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    gc.collect()
    assert len(set(found[0])) == 1
    assert found[0][0] != worker.ident
    looking[0].join(10)
    assert not looking[0].is_alive()


def test_a_late_one_is_left_behind_and_not_used_again() -> None:
    threads = SecondThreads()
    (before,) = ids_of(threads, 1)
    may_end = threading.Event()

    def waits() -> None:
        may_end.wait(10)

    assert not threads.looked(waits, within_s=0.01)
    (after,) = ids_of(threads, 1)
    may_end.set()
    assert before != after


def test_what_was_looked_at_is_not_held() -> None:
    class Big:
        pass

    one = Big()
    gone: list[str] = []
    weakref.finalize(one, gone.append, "gone")

    def look(seen: Big = one) -> None:
        assert seen

    assert SecondThreads().looked(look, within_s=10)
    del one, look
    assert gone == ["gone"]


def test_a_forked_process_gets_a_thread_of_its_own() -> None:
    threads = SecondThreads()
    ids_of(threads, 1)
    child = os.fork()
    if child == 0:
        os._exit(0 if threads.looked(lambda: None, within_s=10) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_without_another_thread_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError):
        SecondThreads().looked(lambda: None, within_s=1)
