"""Threads for long loops: a pool for all steps of the process, in a library of its own, that divides the turns of a loop.

Only turns that do not meet in one element are divided, so the number of threads changes no bit, and each loop may be divided or not at
every call. Whether that is faster depends on what else the machine does and on how far its cores are from each other, so it is found by
trial: of so many calls a few are divided and a few are not, timed, and the others are as the faster of these. A thread that has nothing to
do looks for work for about a millisecond, giving way to others, and then sleeps. A step that runs while another one has the pool runs
alone; a forked process starts threads of its own.
"""

from __future__ import annotations

import ctypes
import functools
from typing import NamedTuple

from ....blas import thread_count
from ....errors import CompileError
from . import toolchain
from .memory import Storage

_TYPES = r"""
typedef void turns(void *const *arrays, const double *numbers, char *workspace, long begin, long end);

/* What is known of one loop: calls since a trial began, after how many the next begins, and the shortest times, divided and alone. */
struct trial {
    long calls, period, divided, alone; /* times in nanoseconds */
};
"""

#: What the text of a step begins with if there are loops to divide.
DIVIDED = f"""
/* Long loops are divided among threads if the caller has named a function that does so. */{_TYPES}
typedef void division(struct trial *, turns *, void *const *arrays, const double *numbers, char *workspace, long size, long unit);
static void undivided(struct trial *trial, turns *some, void *const *arrays, const double *numbers, char *workspace, long size,
    long unit) {{
    (void)trial, (void)unit;
    some(arrays, numbers, workspace, 0, size);
}}
static division *divided = undivided;
void use_threads(division *function) {{ divided = function; }}
"""

_POOL = (
    r"""
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
"""
    + _TYPES
    + r"""
enum { MOST = 64, LOOKS = 2000, TRIALS = 2, FIRST = 8, LAST = 128, PIECES = 4 };

static struct {
    turns *some;
    void *const *arrays;
    const double *numbers;
    char *workspace;
    long size, shares, share, piece;
} job;
static struct {
    _Alignas(64) atomic_long pieces;
} taken[MOST]; /* of each share */
static atomic_long issue, left;
static atomic_int sleeping;
static long started, first_issue[MOST];
static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER, lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;
static const int *wanted;

static inline long least(long a, long b) { return a < b ? a : b; }

/* The share of one thread, which the cores' caches may still hold from the last loop; then what slower threads have left of theirs. */
static void take(long thread) {
    for (long i = 0; i < job.shares && thread < job.shares; ++i) {
        const long owner = (thread + i) % job.shares;
        const long end = least((owner + 1) * job.share, job.size);
        for (long begin; (begin = owner * job.share + atomic_fetch_add(&taken[owner].pieces, 1) * job.piece) < end;)
            job.some(job.arrays, job.numbers, job.workspace, begin, least(begin + job.piece, end));
    }
}

/* A thread's life: it takes part in every issue of the job. */
static void *work(void *number) {
    const long thread = (long)number;
    long seen = first_issue[thread];
    for (;;) {
        for (int i = 0; i < LOOKS && atomic_load(&issue) == seen; ++i) sched_yield();
        if (atomic_load(&issue) == seen) {
            pthread_mutex_lock(&lock);
            atomic_fetch_add(&sleeping, 1);
            while (atomic_load(&issue) == seen) pthread_cond_wait(&news, &lock);
            atomic_fetch_sub(&sleeping, 1);
            pthread_mutex_unlock(&lock);
        }
        ++seen;
        take(thread);
        atomic_fetch_sub(&left, 1);
    }
    return 0;
}

/* A forked process has none of the threads. */
static void forget(void) {
    started = 0;
    atomic_store(&left, 0);
    atomic_store(&sleeping, 0);
    pthread_mutex_init(&busy, 0);
    pthread_mutex_init(&lock, 0);
    pthread_cond_init(&news, 0);
}

void use_count(const int *number) {
    wanted = number;
    pthread_atfork(0, 0, forget);
}

/* Threads take no signals: those are for Python. */
static int start(void) {
    sigset_t all, before;
    pthread_t thread;
    pthread_attr_t room;
    first_issue[started + 1] = atomic_load(&issue);
    pthread_attr_init(&room);
    pthread_attr_setstacksize(&room, 4 << 20);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&thread, &room, work, (void *)(started + 1));
    pthread_sigmask(SIG_SETMASK, &before, 0);
    pthread_attr_destroy(&room);
    if (failed) return 0;
    pthread_detach(thread);
    ++started;
    return 1;
}

/* All turns of a loop, in shares that are multiples of `unit`; the caller takes one. */
static void share(turns *some, void *const *arrays, const double *numbers, char *workspace, long size, long unit, long threads) {
    const long units = ((size + unit - 1) / unit + threads - 1) / threads;
    job.some = some, job.arrays = arrays, job.numbers = numbers, job.workspace = workspace;
    job.size = size, job.shares = threads, job.share = units * unit, job.piece = (units + PIECES - 1) / PIECES * unit;
    for (long i = 0; i < threads; ++i) atomic_store(&taken[i].pieces, 0);
    atomic_store(&left, started);
    atomic_fetch_add(&issue, 1);
    if (atomic_load(&sleeping)) {
        pthread_mutex_lock(&lock);
        pthread_cond_broadcast(&news);
        pthread_mutex_unlock(&lock);
    }
    take(0);
    for (long looks = 0; atomic_load(&left); ++looks)
        if (looks > LOOKS) sched_yield();
}

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

/* All turns of a loop, divided or not, whatever the last trial found faster. */
void divide(struct trial *trial, turns *some, void *const *arrays, const double *numbers, char *workspace, long size, long unit) {
    const long threads = least(*wanted, MOST);
    if (threads < 2 || pthread_mutex_trylock(&busy)) {
        some(arrays, numbers, workspace, 0, size);
        return;
    }
    while (started < threads - 1 && start()) continue;
    if (trial->calls == trial->period) { /* sooner at first, when threads of what ran before may still hold the cores */
        trial->period = trial->period ? least(2 * trial->period, LAST) : FIRST;
        trial->calls = 0;
    }
    const long turn = trial->calls++;
    const int tried = turn < 2 * TRIALS, together = started && (tried ? turn < TRIALS : trial->divided < trial->alone);
    const long begin = tried ? now() : 0;
    if (together) share(some, arrays, numbers, workspace, size, unit, least(started + 1, threads));
    else some(arrays, numbers, workspace, 0, size);
    if (tried) {
        long *shortest = turn < TRIALS ? &trial->divided : &trial->alone;
        const long taken = now() - begin;
        if (turn % TRIALS == 0 || taken < *shortest) *shortest = taken;
    }
    pthread_mutex_unlock(&busy);
}
"""
)


WORTH = 100_000  # additions of float64, about, from which on dividing may pay
STACK = 1 << 19  # bytes that a share may have of its own


class Division(NamedTuple):
    """Work that threads may share: lines before it, and lines for the turns from `begin` to `end`, in multiples of a unit.

    Of the memory `own`, which nothing else uses, every share has its own.
    """

    size: int
    unit: int
    before: list[str]
    turns: list[str]
    own: tuple[Storage, ...] = ()


def lend(library: ctypes.CDLL) -> None:
    """Let a step divide its long loops, if it has any and if there can be threads."""
    use = getattr(library, "use_threads", None)
    if use is not None and (found := _pool()) is not None:
        use(found.divide)


@functools.cache
def _pool() -> ctypes.CDLL | None:
    try:
        library = toolchain.load(_POOL)
    except CompileError:  # no POSIX threads here
        return None
    library.use_count(ctypes.byref(thread_count()))
    return library
