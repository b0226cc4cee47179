/* SPDX-License-Identifier: GPL-2.0 */

/*
 * For comparison: several VMAs locked at one moment as a ww_mutex would do it. Each lock is exclusive, each call has an age,
 * and keeps it until it has all its locks. Who finds a lock taken waits for it with the locks that it has, and may be
 * told to back off: then it releases them all, waits for the one that was taken, and locks the others after it. A lock
 * that is released goes to the oldest call that waits for it.
 *
 * Chosen by -D:
 *   CALLS       how many calls contend
 *   LOCKS, N    how many locks there are, up to three, and how many of them a call wants: any, in any order
 *   FIXED       instead of any: from the first lock on for one half of the calls, from the last lock down for the other
 *   WAIT_DIE    who finds a lock taken by an older call backs off at once (DEFINE_WD_CLASS()); without, an older call makes
 *               a younger one that has what it wants back off when that has to wait itself (DEFINE_WW_CLASS())
 *   NO_BACKOFF  nobody backs off
 *   ENDLESS     each call is followed by the next one, which is the youngest then
 *   COUNT       says the largest numbers that were met: such a model has code in it that a trail cannot be shown of
 */

#ifndef CALLS
#define CALLS 2
#endif
#ifndef LOCKS
#define LOCKS 2
#endif
#ifndef N
#define N 2
#endif

#define NONE 255

byte owner[LOCKS] = NONE;
byte waits_for[CALLS] = NONE;
bit wounded[CALLS];
/* The age of a call: how many are older. */
byte rank[CALLS];
bit holds[CALLS];

#ifdef COUNT
c_decl {
	static int backoffs_met = -1;
	static int kept_met = -1;
}
#define count_backoffs() \
	c_code { if (PCall->backoffs > backoffs_met) printf("most back-offs: %d\n", backoffs_met = PCall->backoffs); }
#define count_kept() \
	c_code { if (PCall->n > kept_met) printf("most kept while waiting: %d\n", kept_met = PCall->n); }
#else
#define count_backoffs() skip
#define count_kept() skip
#endif

/* True if an older call waits for the lock: evaluated again at each change. */
#define older(call, lock) (waits_for[call] == lock && rank[call] < rank[me])
#if CALLS == 2
#define older_waits(lock) (older(0, lock) || older(1, lock))
#elif CALLS == 3
#define older_waits(lock) (older(0, lock) || older(1, lock) || older(2, lock))
#else
#define older_waits(lock) (older(0, lock) || older(1, lock) || older(2, lock) || older(3, lock))
#endif

/* ww_mutex_lock(), or without a lock in hand ww_mutex_lock_slow(): `back_off` is for -EDEADLK. */
inline ww_lock(lock)
{
	atomic {
		back_off = 0;
		if
		:: n == 0 -> wounded[me] = 0
		:: else
		fi
	}
	do
	:: atomic {
			if
			:: owner[lock] == NONE && !older_waits(lock) ->
				owner[lock] = me;
				break
			:: (owner[lock] != NONE || older_waits(lock)) && waits_for[me] == NONE ->
				waits_for[me] = lock;
				count_kept();
				printf("MSC: call %d: waits for lock %d with %d locks\n", me, lock, n)
#ifndef NO_BACKOFF
#ifdef WAIT_DIE
			:: n > 0 && (older_waits(lock) || (owner[lock] != NONE && rank[owner[lock]] < rank[me])) ->
				back_off = 1;
				break
#else
			:: waits_for[me] != NONE && owner[lock] != NONE && rank[me] < rank[owner[lock]] && !wounded[owner[lock]] ->
				wounded[owner[lock]] = 1
			:: waits_for[me] != NONE && n > 0 && wounded[me] ->
				back_off = 1;
				break
#endif
#endif
			fi
		}
	od;
	waits_for[me] = NONE
}

proctype Call(byte me)
{
	byte want[N];
	byte k, n, i, v, backoffs;
	bit back_off;

	do
	:: atomic {
			/* ww_acquire_init(): from now on the youngest. */
			for (i : 0 .. CALLS - 1) {
				if
				:: rank[i] > rank[me] -> rank[i]--
				:: else
				fi
			}
			rank[me] = CALLS - 1;
#ifdef FIXED
			v = (me % 2) * (LOCKS - 1);
			i = (me % 2 -> LOCKS - 1 : 1);
#else
			/* Any first lock, and the others in either direction: every list there is of up to three locks. */
			select(v : 0 .. LOCKS - 1);
			select(i : 1 .. LOCKS - 1);
#endif
			for (k : 0 .. N - 1) {
				want[k] = (v + k * i) % LOCKS
			}
			v = 0;
			i = 0;
			k = 0
		}
		do
		:: n == N -> break
		:: else ->
			ww_lock(want[n]);
			if
			:: !back_off -> n++
			:: else ->
				atomic {
					back_off = 0;
					backoffs++;
					count_backoffs();
					printf("MSC: call %d: backs off from %d locks\n", me, n);
					/* The contended lock is to be the first one. */
					v = want[n];
					want[n] = want[0];
					k = n
				}
				do
				:: n > 0 ->
					atomic {
						n--;
						owner[(n == 0 && k > 0 -> want[k] : want[n])] = NONE
					}
				:: else -> break
				od;
				atomic {
					want[0] = v;
					v = 0;
					k = 0
				}
			fi
		od;
		holds[me] = 1;
		holds[me] = 0;
		do
		:: n > 0 ->
			atomic {
				n--;
				assert(owner[want[n]] == me);
				owner[want[n]] = NONE
			}
		:: else -> break
		od;
		atomic {
			for (k : 0 .. N - 1) {
				want[k] = 0
			}
			k = 0;
			backoffs = 0;
			wounded[me] = 0
		}
#ifndef ENDLESS
		goto done
#endif
	od;
#ifndef ENDLESS
done:
	skip
#endif
}

init
{
	byte i;

	atomic {
		for (i : 0 .. CALLS - 1) {
			rank[i] = i
		}
		for (i : 0 .. CALLS - 1) {
			run Call(i)
		}
		i = 0
	}
}

#ifdef CALL_GETS_THROUGH
ltl gets_through { [] <> holds[0] }
#endif
