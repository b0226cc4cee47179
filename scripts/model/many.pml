/* SPDX-License-Identifier: GPL-2.0 */

/*
 * Several VMAs of one address space read-locked at one moment, without the mmap lock if possible, concurrently with writers that
 * lock, replace, split and merge them.
 *
 * A lookup walks `tree`, from addresses to VMAs. Each access to memory that others write is a step of its own, so that
 * everybody else can come in between; what only one process sees is no step. RCU frees nothing under a reader's feet, but
 * a VMA that was detached can be attached elsewhere at once, as the slab cache of VMAs permits.
 *
 * `vm_lock_seq == mm_lock_seq` is one bit: only whether they are equal is ever asked, and mmap_write_unlock() makes it
 * false for all VMAs at once. What this leaves out is the overflow of mm_lock_seq, on which vma_start_read() fails
 * needlessly. The reader limit is left out but for LIMIT.
 *
 * The variant is chosen by -D:
 *   READERS, WRITERS   how many of each
 *   N                  addresses in one call, chosen anew for each call: any, in any order, also the same one twice
 *   FIXED              instead of any: the first reader goes up, the second down, and the third to and fro
 *   ADDRESSES, TOGETHER  how many there are, and whether the first two begin in one VMA
 *   REPLACE=n          writers also detach a VMA and attach another there, n times in all; 255 is without end
 *   RESIZE             writers also split the VMA of the first two addresses, and merge it again
 *   HOLES              writers also unmap, and map again
 *   ENDLESS            nobody ever stops: for starvation
 *   LIMIT=n            the largest count that a VMA can have; one of it is for being attached
 *   BACKOFFS=n         how often one call may release all that it has
 *   NEVER_FAILS_WITHIN_ONE_VMA  a call cannot fail at an address in a VMA that it has already
 *   COUNT              says the largest numbers that were met: such a model has code in it that a trail cannot be shown of
 *   READER_GETS_THROUGH, WRITER_GETS_THROUGH  the property of the first reader or writer, for ENDLESS
 * and what is to go wrong:
 *   KEEP_ALL           keeps the VMA locks that it has while it waits for the mmap lock
 *   KEEP_LAST          keeps the one taken last
 *   TWICE              locks a VMA again for a second address in it, and releases it as often
 *   TWICE_ONCE         the same, and releases it once
 *   RETRY              begins again instead of waiting for the mmap lock
 *   UNFAIR             the mmap lock goes to whoever finds it free, past those who wait
 *   NO_RECHECK         does not look at vm_lock_seq again once it has the count
 *   NO_RANGE           does not ask whether the VMA that it locked is still the one at the address
 */

#ifndef READERS
#define READERS 2
#endif
#ifndef WRITERS
#define WRITERS 1
#endif
#ifndef N
#define N 2
#endif
#ifndef ADDRESSES
#define ADDRESSES 2
#endif
#ifndef REPLACE
#define REPLACE 0
#endif
#ifndef LIMIT
#define LIMIT 100
#endif
#ifndef BACKOFFS
#define BACKOFFS 1
#endif

/* One more than there are addresses, so that there is always one to attach. */
#define VMAS (ADDRESSES + 1)
#define TASKS (READERS + WRITERS)
#define NONE 255

typedef Vma {
	byte count;	/* vm_refcnt without the flag */
	bit exclude;	/* VM_REFCNT_EXCLUDE_READERS_FLAG */
	bit written;	/* vm_lock_seq == mm_lock_seq */
	byte first;	/* vm_start */
	byte end;	/* vm_end */
	byte holders	/* what the count should say: calls that have it read-locked */
};

Vma vma[VMAS];
byte tree[ADDRESSES];
byte replacements = REPLACE;

/* For properties: who holds all its locks, and which writers are done with one round. */
bit holds[READERS];
bit wrote[WRITERS];
byte ended;

#ifdef COUNT
c_decl {
	static int backoffs_met = -1;
	static int kept_met = -1;
}
#define count_backoffs() \
	c_code { if (PReader->backoffs > backoffs_met) printf("most back-offs: %d\n", backoffs_met = PReader->backoffs); }
#define count_kept() \
	c_code { if (PReader->n > kept_met) printf("most kept while waiting: %d\n", kept_met = PReader->n); }
#else
#define count_backoffs() skip
#define count_kept() skip
#endif

/*
 * The mmap lock, a rw_semaphore: who arrives while others wait queues up behind them; when the first one that waits is a
 * reader, all readers that wait get the lock.
 */
#define is_reader(task) ((task) < READERS)

bit mmap_written;
byte mmap_readers;
bit granted[TASKS];
byte queue[TASKS];
byte queued;

inline mmap_lock(me)
{
	atomic {
		if
#ifdef UNFAIR
		:: !mmap_written && is_reader(me) -> mmap_readers++
		:: !mmap_written && !is_reader(me) && mmap_readers == 0 -> mmap_written = 1
#else
		:: queued == 0 && !mmap_written && is_reader(me) -> mmap_readers++
		:: queued == 0 && !mmap_written && !is_reader(me) && mmap_readers == 0 -> mmap_written = 1
		:: else ->
			queue[queued] = me;
			queued++;
			granted[me];
			granted[me] = 0
#endif
		fi
	}
}

/* Hands the lock to whoever may have it now, and closes the gaps in the queue. */
inline mmap_wake()
{
	if
	:: queued == 0 || mmap_written
	:: queued > 0 && !mmap_written && is_reader(queue[0]) ->
		for (i : 0 .. TASKS - 1) {
			if
			:: i < queued && is_reader(queue[i]) ->
				granted[queue[i]] = 1;
				mmap_readers++;
				gaps++
			:: i < queued && !is_reader(queue[i]) -> queue[i - gaps] = queue[i]
			:: else
			fi
		}
	:: queued > 0 && !mmap_written && !is_reader(queue[0]) && mmap_readers == 0 ->
		granted[queue[0]] = 1;
		mmap_written = 1;
		gaps = 1;
		for (i : 1 .. TASKS - 1) {
			queue[i - 1] = queue[i]
		}
	:: else
	fi;
	queued = queued - gaps;
	for (i : 0 .. TASKS - 1) {
		if
		:: i >= queued -> queue[i] = 0
		:: else
		fi
	}
	gaps = 0;
	i = 0
}

inline mmap_read_unlock()
{
	d_step {
		mmap_readers--;
		mmap_wake()
	}
}

/* vma_end_write_all(), then up_write(). */
inline mmap_write_unlock()
{
	d_step {
		for (i : 0 .. VMAS - 1) {
			vma[i].written = 0
		}
		i = 0
	}
	d_step {
		mmap_written = 0;
		mmap_wake()
	}
}

/* The caller has it read-locked now: nobody can be writing to it, and it covers the address. */
inline now_held(v, address)
{
	vma[v].holders++;
	assert(!vma[v].written && vma[v].count > vma[v].holders);
	assert(tree[address] == v && vma[v].first <= address && address < vma[v].end);
	mine[n] = v;
	n++;
	v = 0
}

/* vma_end_read() of the last one in `mine`. The waiting writer is woken by what it waits for. */
inline release_last()
{
	d_step {
		n--;
		assert(!vma[mine[n]].written);
		vma[mine[n]].holders--;
#ifdef TWICE_ONCE
		have = 0;
		for (i : 0 .. N - 1) {
			if
			:: i < n && mine[i] == mine[n] -> have = 1
			:: else
			fi
		}
		i = 0;
		if
		:: !have -> vma[mine[n]].count--
		:: else
		fi;
		have = 0;
#else
		vma[mine[n]].count--;
#endif
		mine[n] = NONE
	}
}

/* True if the address lies in a VMA that this call has locked: that VMA stays as it is. */
inline look_for(address)
{
	have = 0;
	for (i : 0 .. N - 1) {
		if
		:: i < n && vma[mine[i]].first <= address && address < vma[mine[i]].end -> have = 1
		:: else
		fi
	}
	i = 0
}

#if defined(TWICE) || defined(TWICE_ONCE)
#define lock_again true
#else
#define lock_again false
#endif

#ifdef NO_RECHECK
#define unlocked(v) true
#else
#define unlocked(v) (!vma[v].written)
#endif

/*
 * lock_vma_under_rcu(): goes to `failed` if it does. What is checked once the count is raised is one step: nobody changes it
 * from then on if it is as it should be, and nobody can tell how long the count stays raised if not.
 */
inline lock_vma_under_rcu(address)
{
	v = NONE;
lookup:
	v = tree[address];
	if
	:: v == NONE -> goto failed
	:: else
	fi;
	if
	:: vma[v].written -> goto failed
	:: else
	fi;
	atomic {
		/* __refcount_inc_not_zero_limited_acquire() */
		if
		:: vma[v].exclude || vma[v].count >= LIMIT -> goto failed
		:: !vma[v].exclude && vma[v].count == 0 -> goto lookup
		:: else -> vma[v].count++
		fi
	}
	atomic {
		if
#ifndef NO_RECHECK
		:: vma[v].written -> vma[v].count--; goto failed
#endif
#ifndef NO_RANGE
		:: unlocked(v) && (vma[v].first > address || address >= vma[v].end) -> vma[v].count--; goto failed
#endif
		:: else -> now_held(v, address)
		fi
	}
}

proctype Reader(byte me)
{
	byte want[N], mine[N];
	byte k, n, i, v, gaps, backoffs;
	bit have, error;

	do
#ifndef ENDLESS
	:: break
#endif
	:: atomic {
			for (k : 0 .. N - 1) {
				mine[k] = NONE;
#ifdef FIXED
				want[k] = (me == 0 -> k : (me == 1 -> N - 1 - k : k % 2))
#else
				select(v : 0 .. ADDRESSES - 1);
				want[k] = v
#endif
			}
			k = 0;
			v = 0
		}
try:
		do
		:: k == N -> goto all_held
		:: else ->
			d_step { look_for(want[k]) }
			if
			:: have && !lock_again
			:: else ->
				lock_vma_under_rcu(want[k])
			fi;
			k++
		od;
failed:
		v = 0;
		printf("MSC: reader %d: failed at address %d with %d locks\n", me, want[k], n);
#ifdef NEVER_FAILS_WITHIN_ONE_VMA
		/* Without resizing, a failure with something in hand is at an address in another VMA. */
		assert(n == 0 || tree[want[k]] != mine[0]);
#endif
#ifdef KEEP_LAST
		if
		:: n == 2 ->
			d_step {
				v = mine[1];
				mine[1] = mine[0];
				mine[0] = v
			}
			release_last()
		:: else
		fi;
#elif !defined(KEEP_ALL)
		do
		:: n > 0 -> release_last()
		:: else -> break
		od;
#endif
		k = 0;
		backoffs++;
		count_backoffs();
		assert(backoffs <= BACKOFFS);
#ifdef RETRY
		backoffs = 0;
		goto try;
#endif
#if !defined(KEEP_ALL) && !defined(KEEP_LAST)
		assert(n == 0);
#endif
		count_kept();
		printf("MSC: reader %d: asks for the mmap lock with %d VMA locks\n", me, n);
		mmap_lock(me);
		do
		:: k == N -> break
		:: else ->
			v = tree[want[k]];
			d_step { look_for(want[k]) }
			if
			:: v == NONE -> error = 1; break
			:: v != NONE && have && !lock_again
			:: v != NONE && !(have && !lock_again) ->
				/* vma_start_read_locked_nested() */
				atomic {
					assert(!vma[v].exclude && vma[v].count > 0);
					if
					:: vma[v].count >= LIMIT -> error = 1; break
					:: else ->
						vma[v].count++;
						now_held(v, want[k])
					fi
				}
			fi;
			k++
		od;
		mmap_read_unlock();
all_held:
		v = 0;
		have = 0;
		k = 0;
		if
		:: error
		:: else ->
			d_step {
				/* All of them at this one moment, each address in one of them, and none more often than once. */
				for (k : 0 .. N - 1) {
					look_for(want[k]);
					assert(have);
					assert(k >= n || !vma[mine[k]].written);
					assert(k == 0 || k >= n || mine[k] != mine[k - 1] || lock_again)
				}
				have = 0;
				k = 0
			}
			printf("MSC: reader %d: holds %d VMAs\n", me, n);
#ifdef READER_GETS_THROUGH
			holds[me] = 1;
			holds[me] = 0
#endif
		fi;
		do
		:: n > 0 -> release_last()
		:: else -> break
		od;
		atomic {
			for (k : 0 .. N - 1) {
				want[k] = 0
			}
			k = 0;
			error = 0;
			backoffs = 0
		}
	od;
	ended++
}

/* vma_start_write() */
inline vma_start_write(v)
{
	if
	:: vma[v].written
	:: else ->
		printf("MSC: writer %d: waits for the readers of VMA %d\n", me, v);
		assert(vma[v].count > 0);
		vma[v].exclude = 1;
		vma[v].count == 1;
		vma[v].written = 1;
		vma[v].exclude = 0;
		assert(vma[v].holders == 0)
	fi
}

/* vma_mark_detached() of a VMA that is write-locked. */
inline vma_mark_detached(v)
{
	atomic {
		vma[v].count--;
		if
		:: vma[v].count == 0 -> goto is_detached
		:: else -> vma[v].exclude = 1
		fi
	}
	vma[v].count == 0;
	vma[v].exclude = 0;
is_detached:
	skip
}

/* Sets a VMA up that nobody can find, and attaches it. */
inline attach(v, from, to)
{
	d_step {
		assert(vma[v].count == 0 && !vma[v].exclude);
		vma[v].written = 1;
		vma[v].first = from;
		vma[v].end = to
	}
	vma[v].count = 1;
	d_step {
		for (i : from .. to - 1) {
			tree[i] = v
		}
		i = 0
	}
}

/* A VMA that is not attached. */
inline find_spare()
{
	d_step {
		for (spare : 0 .. VMAS - 1) {
			if
			:: vma[spare].count == 0 && !vma[spare].exclude -> break
			:: else
			fi
		}
	}
}

proctype Writer(byte me)
{
	byte v, a, i, spare, gaps, from, to;

	do
#ifndef ENDLESS
	:: break
#endif
	:: true ->
		/* The first statement of an option guards it: without `true`, `else` would apply to both. */
		mmap_lock(me);
		do
		:: break
		:: true ->
			atomic {
				select(a : 0 .. ADDRESSES - 1);
				v = tree[a]
			}
			if
			:: v == NONE || vma[v].written -> break
			:: else -> vma_start_write(v)
			fi
		od;
		if
		:: skip
#if REPLACE > 0
		:: replacements > 0 && v != NONE && vma[v].written ->
			atomic {
				if
				:: replacements < 255 -> replacements--
				:: else
				fi;
				find_spare();
				from = vma[v].first;
				to = vma[v].end
			}
			vma_mark_detached(v);
			attach(spare, from, to)
#endif
#ifdef HOLES
		:: v != NONE && vma[v].written ->
			d_step {
				from = vma[v].first;
				to = vma[v].end
			}
			vma_mark_detached(v);
			d_step {
				for (i : from .. to - 1) {
					tree[i] = NONE
				}
				i = 0
			}
		:: tree[a] == NONE ->
			find_spare();
			attach(spare, a, a + 1)
#endif
#ifdef RESIZE
		:: tree[0] != NONE && tree[0] == tree[1] ->
			v = tree[0];
			vma_start_write(v);
			find_spare();
			vma[v].end = 1;
			attach(spare, 1, 2)
		:: tree[0] != NONE && tree[1] != NONE && tree[0] != tree[1] ->
			v = tree[0];
			vma_start_write(v);
			spare = tree[1];
			vma_start_write(spare);
			vma_mark_detached(spare);
			vma[v].end = 2;
			tree[1] = v
#endif
		fi;
		d_step {
			/* Nobody reads what was written to. */
			for (i : 0 .. VMAS - 1) {
				assert(!vma[i].written || vma[i].holders == 0)
			}
			i = 0;
			v = 0;
			a = 0;
			spare = 0;
			from = 0;
			to = 0
		}
		mmap_write_unlock();
#ifdef WRITER_GETS_THROUGH
		wrote[me - READERS] = 1;
		wrote[me - READERS] = 0
#endif
	od;
	ended++
}

init
{
	byte i;

	atomic {
		for (i : 0 .. ADDRESSES - 1) {
#ifdef TOGETHER
			tree[i] = (i < 2 -> 0 : i);
			vma[tree[i]].first = (i < 2 -> 0 : i);
#else
			tree[i] = i;
			vma[i].first = i;
#endif
			vma[tree[i]].end = i + 1;
			vma[tree[i]].count = 1
		}
		for (i : 0 .. READERS - 1) {
			run Reader(i)
		}
		for (i : READERS .. TASKS - 1) {
			run Writer(i)
		}
		i = 0
	}
#ifndef ENDLESS
	/* Once all is over, each count is back at what it was. */
	atomic {
		ended == TASKS;
		assert(!mmap_written && mmap_readers == 0);
		for (i : 0 .. VMAS - 1) {
			assert(!vma[i].exclude && vma[i].holders == 0 && vma[i].count <= 1)
		}
		for (i : 0 .. ADDRESSES - 1) {
			assert(tree[i] == NONE || vma[tree[i]].count == 1)
		}
	}
#endif
}

#ifdef READER_GETS_THROUGH
ltl gets_through { [] <> holds[0] }
#endif
#ifdef WRITER_GETS_THROUGH
ltl gets_through { [] <> wrote[0] }
#endif
