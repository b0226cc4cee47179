/* SPDX-License-Identifier: GPL-2.0 */

/*
 * The VMA lock itself: vm_refcnt, vm_lock_seq, mm_lock_seq and vma_writer_wait, in the steps that
 * mm/mmap_lock.c, include/linux/mmap_lock.h and kernel/exit.c have.
 *
 * Each access to memory that others write is a step of its own. A step is seen by all tasks at
 * once: memory order is not modelled. A VMA is never taken away from a task that looks at it, but
 * it may be freed and used again at once, also by the other mm, because the slab cache of VMAs is
 * SLAB_TYPESAFE_BY_RCU.
 *
 * The variant is chosen by -D:
 *   READERS, FOREIGN   readers of mm 0 and of mm 1
 *   CALLS              how often each reader locks a VMA; 255 is without end
 *   RCU, LOCKED, NEXT  how they do it: lock_vma_under_rcu() and then the mmap read lock if that
 *                      fails, vma_start_read_locked() at once, lock_next_vma()
 *   RCU_ONLY           no mmap read lock if lock_vma_under_rcu() fails
 *   ROUNDS             how often a writer of mm 0 takes the mmap write lock; 255 is without end
 *   WRITERS            writers of mm 0
 *   OTHER              a writer of mm 1, which maps one VMA; with EXIT, mm 1 is freed in the end
 *   WRITE, UNMAP, MAP, SPLIT, MERGE, DOWNGRADE  what writers do
 *   KILL               writers wait killably, and each may be killed at any time
 *   ADDRESSES, VMAS    how many there are of each
 *   TOGETHER           one VMA has all addresses
 *   FLAG=n             VM_REFCNT_EXCLUDE_READERS_FLAG; a power of two
 *   SEQS=n             the sequence numbers are counted modulo n, which is even
 *   NO_SHORTCUT        a writer does not believe that a VMA is write-locked already
 *   LATE_CHECK_ONLY    vma_start_read() does not look at vm_lock_seq before it counts
 *   END_IS_SURE        lock_next_vma() may find no VMA only if there was none at one moment
 *   WRITER_GETS_THROUGH  the property of the first writer, for endless readers and writers
 * and what is to go wrong:
 *   NO_MM_CHECK        vma_start_read() does not look at vm_mm
 *   NO_GRAB            it puts the count of another mm's VMA without mmgrab()
 *   MM_AFTER_PUT       vma_refcount_put() reads vm_mm once the count is dropped
 *   NO_SEQ_CHECK       vma_start_read() does not look at vm_lock_seq at all
 *   EARLY_CHECK_ONLY   it looks at vm_lock_seq only before it counts
 *   NO_LIMIT           it counts without a limit
 *   NO_RANGE           lock_vma_under_rcu() does not look at the range
 *   NO_SPECULATION     lock_next_vma() does not look for the VMA again
 *   NO_WAKE            nobody wakes the writer
 *   WAKE_AT_FLAG       the writer is woken only if nothing but the flag is left
 *   PUBLISH_LATE       the writer looks at the count before it says that it waits
 *   CHECK_THEN_SLEEP   the writer looks at the count before it sets its state
 *   NO_WAIT            vma_start_write() does not wait for readers
 *   NO_FLAG            vma_start_write() waits without the flag
 *   KEEP_FLAG          the writer does not take the flag back when it is killed
 *   ONE_STEP           vma_mark_detached() does not wait for readers
 *   ATTACH_EARLY       a VMA is attached before vm_mm is set
 *   FREE_EARLY         a VMA is freed before it is out of the tree
 *   DETACH_FIRST       a merge detaches before it changes the tree
 *   NO_END_WRITE       mm_lock_seq stays as it is when the mmap lock is released or downgraded
 *   END_WRITE_LATE     mm_lock_seq changes after the mmap lock was released or downgraded
 */

#ifndef READERS
#define READERS 1
#endif
#ifndef FOREIGN
#define FOREIGN 0
#endif
#ifndef CALLS
#define CALLS 1
#endif
#ifndef WRITERS
#define WRITERS 1
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef ADDRESSES
#define ADDRESSES 1
#endif
#ifndef VMAS
#define VMAS 2
#endif
#ifndef FLAG
#define FLAG 8
#endif
#ifndef SEQS
#define SEQS 16
#endif
#ifdef OTHER
#define OTHERS 1
#else
#define OTHERS 0
#endif

#define LIMIT (FLAG - 1)
#define NONE 255
#define ALL_READERS (READERS + FOREIGN)
#define TASKS (WRITERS + OTHERS)

typedef Vma {
	byte refcnt;	/* vm_refcnt */
	byte seq;	/* vm_lock_seq */
	byte mm;	/* vm_mm */
	byte first;	/* vm_start */
	byte end;	/* vm_end */
	/* For properties. */
	byte holders;	/* tasks that have it read-locked */
	bit excluded;	/* write-locked: the writer has passed its wait */
	bit free	/* in the slab cache */
};

typedef Mm {
	byte tree[ADDRESSES];	/* mm_mt */
	byte seq;		/* mm_lock_seq */
	byte waiter;		/* vma_writer_wait.task */
	byte count;		/* mm_count; all users together are one */
	byte users;		/* readers of it that may come yet */
	byte read;		/* the mmap lock */
	bit written;
	/* For properties. */
	bit freed
};

Vma vma[VMAS];
Mm mm[2];

/* The state of each writer's task: TASK_RUNNING or not, and a fatal signal. */
mtype = { running, uninterruptible, killable };
mtype state[TASKS];
bit killed[TASKS];

/* For properties. */
byte ended;
bit wrote;
#ifdef NEXT
byte from[ALL_READERS];	/* where the search of lock_next_vma() begins; NONE if there is none */
byte gap[ALL_READERS];	/* the most addresses from there on that were free at one moment of it */
#endif

/*
 * The tree.
 */

/* Notes for each search how many addresses are free in a row. */
inline note_gaps()
{
#ifdef NEXT
	for (r : 0 .. ALL_READERS - 1) {
		if
		:: from[r] != NONE ->
			n = 0;
			do
			:: from[r] + n < ADDRESSES && mm[r >= READERS].tree[from[r] + n] == NONE -> n++
			:: else -> break
			od;
			if
			:: n > gap[r] -> gap[r] = n
			:: else
			fi;
			n = 0
		:: else
		fi
	}
	r = 0
#else
	skip
#endif
}

/* mas_store() of `what` over a range. */
inline tree_store(m, start, stop, what)
{
	d_step {
		for (r : start .. stop - 1) {
			mm[m].tree[r] = what
		}
		r = 0;
		note_gaps()
	}
}

/*
 * The mmap lock. Who gets it when several wait is left open.
 */

inline mmap_read_lock(m)
{
	atomic {
		!mm[m].written;
		mm[m].read++
	}
}

inline mmap_read_unlock(m)
{
	mm[m].read--
}

/* down_write() and mm_lock_seqcount_begin(). */
inline mmap_write_lock(m)
{
	atomic {
		!mm[m].written && mm[m].read == 0;
		mm[m].written = 1
	}
	mm[m].seq = (mm[m].seq + 1) % SEQS
}

/* mm_lock_seqcount_end(). From here on no VMA of the mm is write-locked. */
inline vma_end_write_all(m)
{
#ifndef NO_END_WRITE
	d_step {
		mm[m].seq = (mm[m].seq + 1) % SEQS;
		for (r : 0 .. VMAS - 1) {
			if
			:: vma[r].mm == m -> vma[r].excluded = 0
			:: else
			fi
		}
		r = 0
	}
#else
	skip
#endif
}

inline up_write(m)
{
	mm[m].written = 0
}

inline downgrade_write(m)
{
	d_step {
		mm[m].written = 0;
		mm[m].read++
	}
}

/*
 * mm_count.
 */

inline mmgrab(m)
{
	d_step {
		assert(!mm[m].freed);
		mm[m].count++
	}
}

inline mmdrop(m)
{
	d_step {
		assert(!mm[m].freed && mm[m].count > 0);
		mm[m].count--;
		if
		:: mm[m].count == 0 -> mm[m].freed = 1
		:: else
		fi
	}
}

/*
 * Readers.
 */

/* rcuwait_wake_up() of vma_writer_wait. */
inline rcuwait_wake_up(m)
{
	atomic {
		assert(!mm[m].freed);
		task = mm[m].waiter
	}
	if
	:: task != NONE -> state[task] = running
	:: else
	fi;
	task = NONE
}

#ifdef NO_WAKE
#define are_readers_excluded(count) false
#elif defined(NO_FLAG)
#define are_readers_excluded(count) ((count) == 1)
#elif defined(WAKE_AT_FLAG)
#define are_readers_excluded(count) ((count) == FLAG)
#else
#define are_readers_excluded(count) (((count) & FLAG) && (count) <= FLAG + 1)
#endif

/* vma_refcount_put(). Nobody changes vm_mm of a VMA that is counted. */
inline vma_refcount_put(v)
{
	d_step {
#ifndef MM_AFTER_PUT
		its_mm = vma[v].mm;
#endif
		assert(vma[v].refcnt > 0);
		vma[v].refcnt--;
		count = vma[v].refcnt
	}
#ifdef MM_AFTER_PUT
	its_mm = vma[v].mm;
#endif
	if
	:: count > 0 && are_readers_excluded(count) -> rcuwait_wake_up(its_mm)
	:: else
	fi;
	d_step {
		count = 0;
		its_mm = NONE
	}
}

/* A task that has the VMA read-locked relies on this. */
inline is_locked(v)
{
	assert(vma[v].holders > 0 && vma[v].refcnt > vma[v].holders);
	assert(vma[v].mm == m);
	assert(!vma[v].free);
	assert(!vma[v].excluded)
}

/* The same, and the VMA is the one at an address. */
inline is_locked_at(v, address)
{
	is_locked(v);
	assert(vma[v].first <= address && address < vma[v].end && mm[m].tree[address] == v)
}

/* __refcount_inc_not_zero_limited_acquire(), for a d_step. */
inline refcount_inc(v)
{
	if
	:: vma[v].refcnt == 0 -> got = detached
#ifndef NO_LIMIT
	:: vma[v].refcnt >= LIMIT -> got = failed
#endif
	:: else ->
		vma[v].refcnt++;
		got = counted
	fi
}

#if defined(NO_SEQ_CHECK) || defined(LATE_CHECK_ONLY)
#define is_locked_early(seq, m) false
#else
#define is_locked_early(seq, m) ((seq) == mm[m].seq)
#endif
#if defined(NO_SEQ_CHECK) || defined(EARLY_CHECK_ONLY)
#define is_locked_late(seq, m) false
#else
#define is_locked_late(seq, m) ((seq) == mm[m].seq)
#endif
#ifdef NO_MM_CHECK
#define is_other_mm(v, m) false
#else
#define is_other_mm(v, m) (vma[v].mm != (m))
#endif

mtype = { failed, detached, counted, locked };

/* vma_start_read(): `got` is failed (NULL), detached (-EAGAIN) or locked. */
inline vma_start_read(v)
{
	seq = vma[v].seq;
	if
	:: is_locked_early(seq, m) -> got = failed
	:: else -> d_step { refcount_inc(v) }
	fi;
	if
	:: got == counted ->
		if
		:: is_other_mm(v, m) ->
			/* err_unstable */
			got = failed;
			other = vma[v].mm;
#ifndef NO_GRAB
			mmgrab(other);
#endif
			vma_refcount_put(v);
#ifndef NO_GRAB
			mmdrop(other);
#endif
			other = NONE
		:: else ->
			seq = vma[v].seq;
			d_step {
				if
				:: is_locked_late(seq, m)
				:: else ->
					got = locked;
					vma[v].holders++;
					is_locked(v)
				fi;
				seq = 0
			}
			if
			:: got == counted ->
				vma_refcount_put(v);
				got = failed
			:: else
			fi
		fi
	:: else
	fi;
	seq = 0
}

/* vma_start_read_locked(). */
inline vma_start_read_locked(v)
{
	d_step {
		refcount_inc(v);
		assert(got != detached);
		if
		:: got == counted ->
			got = locked;
			vma[v].holders++;
			is_locked(v)
		:: else
		fi
	}
}

/* vma_end_read(). What the reader relied on is still so. */
inline vma_end_read(v)
{
	d_step {
		is_locked(v);
		vma[v].holders--
	}
	vma_refcount_put(v)
}

/* vma_next(): looks at one place of the tree after the other. */
inline vma_next(found)
{
	n = a;
	do
	:: n < ADDRESSES ->
		found = mm[m].tree[n];
		if
		:: found != NONE -> break
		:: else -> n++
		fi
	:: else ->
		found = NONE;
		break
	od;
	n = 0
}

#ifdef NO_RANGE
#define is_in_range(v, address) true
#else
#define is_in_range(v, address) (vma[v].first <= (address) && (address) < vma[v].end)
#endif

#ifdef NEXT
/* The VMA that lock_next_vma() returns ends above, and what lies between was free. */
inline is_next(v)
{
	d_step {
		if
		:: vma[v].first <= a -> assert(a < vma[v].end)
		:: else -> assert(gap[me] >= vma[v].first - a)
		fi;
		n = (vma[v].first <= a -> a : vma[v].first);
		is_locked_at(v, n);
		n = 0;
		from[me] = NONE;
		gap[me] = 0
	}
}

/* mmap_lock_speculate_retry(). */
#define must_retry(old) (((old) & 1) || mm[m].seq != (old))
#endif

proctype Reader(byte me; byte m)
{
	byte calls, a, v, n, r, seq, count;
	byte its_mm = NONE, other = NONE, task = NONE, again;
	byte begun;
	mtype got;

	do
	:: calls == CALLS -> break
	:: else ->
		d_step {
			if
			:: CALLS < 255 -> calls++
			:: else
			fi
		}
		atomic { select(a : 0 .. ADDRESSES - 1) }
		if
#ifdef RCU
		:: true -> goto under_rcu
#endif
#ifdef LOCKED
		:: true -> goto under_mmap_lock
#endif
#ifdef NEXT
		:: true -> goto next
#endif
		fi;

#ifdef RCU
under_rcu:
		/* lock_vma_under_rcu() */
		do
		:: true ->
			v = mm[m].tree[a];
			if
			:: v == NONE -> break
			:: else
			fi;
			vma_start_read(v);
			if
			:: got != detached -> break
			:: else
			fi
		od;
		if
		:: v == NONE -> goto done
		:: v != NONE && got == failed ->
#ifdef RCU_ONLY
			goto done
#else
			goto under_mmap_lock
#endif
		:: v != NONE && got == locked && !is_in_range(v, a) -> goto release
		:: else
		fi;
		d_step { is_locked_at(v, a) }
		printf("MSC: reader %d: has VMA %d at address %d under RCU\n", me, v, a);
		goto release;
#endif

#if defined(LOCKED) || (defined(RCU) && !defined(RCU_ONLY))
under_mmap_lock:
		mmap_read_lock(m);
		v = mm[m].tree[a];
		if
		:: v == NONE -> got = failed
		:: else ->
			vma_start_read_locked(v)
		fi;
		mmap_read_unlock(m);
		if
		:: got == failed -> goto done
		:: else
		fi;
		d_step { is_locked_at(v, a) }
		printf("MSC: reader %d: has VMA %d at address %d by the mmap lock\n", me, v, a);
		goto release;
#endif

#ifdef NEXT
next:
		/* lock_next_vma() */
		atomic {
			from[me] = a;
			note_gaps()
		}
search:
		begun = mm[m].seq;
		vma_next(v);
		if
		:: v == NONE ->
#ifdef END_IS_SURE
			assert(gap[me] == ADDRESSES - a);
#endif
			goto none
		:: else
		fi;
		vma_start_read(v);
		if
		:: got == detached -> goto search
		:: got == failed -> goto fallback
		:: got == locked && a >= vma[v].end -> goto fallback_unlock
#ifndef NO_SPECULATION
		:: got == locked && a < vma[v].first && must_retry(begun) ->
			vma_next(again);
			if
			:: again != v -> goto fallback_unlock
			:: else
			fi
#endif
		:: else
		fi;
		is_next(v);
		printf("MSC: reader %d: has the next VMA %d\n", me, v);
		goto release;
fallback_unlock:
		vma_end_read(v);
fallback:
		mmap_read_lock(m);
		vma_next(v);
		if
		:: v == NONE -> got = failed
		:: else ->
			vma_start_read_locked(v)
		fi;
		if
		:: got == locked -> is_next(v)
		:: else
		fi;
		mmap_read_unlock(m);
		if
		:: got == failed -> goto none
		:: else
		fi;
		printf("MSC: reader %d: has the next VMA %d by the mmap lock\n", me, v);
		goto release;
none:
		atomic {
			from[me] = NONE;
			gap[me] = 0
		}
		goto done;
#endif

release:
		/* A fault sleeps here. */
		vma_end_read(v);
done:
		atomic {
			a = 0;
			v = 0;
			again = 0;
			begun = 0;
			got = 0
		}
	od;
	atomic {
		mm[m].users--;
		ended++
	}
}

/*
 * Writers.
 */

/*
 * rcuwait_wait_event() with finish_rcuwait(), until the count is down to `target`; `err` is -EINTR.
 */
inline rcuwait_wait_event(v, target, may_be_killed)
{
#ifndef PUBLISH_LATE
	mm[m].waiter = me;
#endif
	do
	:: true ->
#ifndef CHECK_THEN_SLEEP
		state[me] = (may_be_killed -> killable : uninterruptible);
#endif
		if
		:: vma[v].refcnt == target -> break
		:: else
		fi;
#ifdef CHECK_THEN_SLEEP
		state[me] = (may_be_killed -> killable : uninterruptible);
#endif
#ifdef PUBLISH_LATE
		mm[m].waiter = me;
#endif
		if
		:: may_be_killed && killed[me] ->
			err = 1;
			break
		:: else
		fi;
		/* schedule() */
		printf("MSC: writer %d: sleeps for the readers of VMA %d\n", me, v);
		state[me] == running
	od;
	mm[m].waiter = NONE;
	state[me] = running
}

/* __vma_end_exclude_readers(). */
inline vma_end_exclude_readers(v)
{
	d_step {
#ifndef NO_FLAG
		assert(vma[v].refcnt >= FLAG);
		vma[v].refcnt = vma[v].refcnt - FLAG;
#endif
		is_detached = (vma[v].refcnt == 0)
	}
}

/* __vma_start_exclude_readers(): `exclusive` says that they are. */
inline vma_start_exclude_readers(v, attached, may_be_killed)
{
	atomic {
		if
		:: vma[v].refcnt == 0 -> is_detached = 1
		:: else ->
#ifndef NO_FLAG
			vma[v].refcnt = vma[v].refcnt + FLAG;
#endif
			is_detached = 0
		fi
	}
	if
	:: is_detached
	:: else ->
#ifdef NO_FLAG
		rcuwait_wait_event(v, attached, may_be_killed);
#else
		rcuwait_wait_event(v, FLAG + attached, may_be_killed);
#endif
		if
		:: err ->
			printf("MSC: writer %d: is killed\n", me);
#ifndef KEEP_FLAG
			vma_end_exclude_readers(v);
#endif
			/* The VMA is attached: only vma_start_write_killable() can get here. */
			assert(!is_detached)
		:: else -> exclusive = 1
		fi
	fi
}

#ifdef NO_SHORTCUT
#define is_vma_write_locked(v) false
#else
#define is_vma_write_locked(v) (vma[v].seq == mm[m].seq)
#endif

/* vma_start_write(), or vma_start_write_killable(). */
inline vma_start_write(v, may_be_killed)
{
	if
	:: is_vma_write_locked(v) ->
		d_step {
			assert(vma[v].holders == 0);
			vma[v].excluded = 1
		}
	:: else ->
#ifndef NO_WAIT
		vma_start_exclude_readers(v, 1, may_be_killed);
#endif
		if
		:: !err ->
			d_step {
				/* The wait is over: nobody has it read-locked from here on. */
				assert(vma[v].holders == 0);
				vma[v].excluded = 1
			}
			vma[v].seq = mm[m].seq;
			if
			:: exclusive ->
				vma_end_exclude_readers(v);
				assert(!is_detached)
			:: else
			fi
		:: else
		fi;
		d_step {
			is_detached = 0;
			exclusive = 0
		}
	fi
}

/* vma_mark_detached(). */
inline vma_mark_detached(v)
{
	d_step {
		assert(vma[v].seq == mm[m].seq && vma[v].refcnt > 0);
		vma[v].refcnt--;
		is_detached = (vma[v].refcnt == 0)
	}
#ifndef ONE_STEP
	if
	:: is_detached
	:: else ->
		/* __vma_exclude_readers_for_detach() */
		printf("MSC: writer %d: finds VMA %d counted when it detaches it\n", me, v);
		vma_start_exclude_readers(v, 0, false);
		if
		:: exclusive -> vma_end_exclude_readers(v)
		:: else
		fi;
		assert(is_detached)
	fi;
#endif
	d_step {
		is_detached = 0;
		exclusive = 0
	}
}

/* vma_mark_attached(). */
inline vma_mark_attached(v)
{
	d_step {
		assert(vma[v].seq == mm[m].seq && vma[v].refcnt == 0 && !vma[v].free);
		vma[v].refcnt = 1
	}
}

/* vma_init() of an allocated VMA, and its range. Readers may still see what was in it before. */
inline vma_init(v, start, stop)
{
#ifndef ATTACH_EARLY
	vma[v].mm = m;
#endif
	vma[v].refcnt = 0;
	vma[v].seq = SEQS - 1;
	d_step {
		vma[v].first = start;
		vma[v].end = stop
	}
}

/* vm_area_free(). */
inline vm_area_free(v)
{
	d_step {
		assert(vma[v].refcnt == 0 && vma[v].holders == 0);
		for (r : 0 .. ADDRESSES - 1) {
			assert(mm[m].tree[r] != v)
		}
		r = 0;
		vma[v].excluded = 0;
		vma[v].free = 1
	}
}

mtype = { nothing, write, unmap, map, split_below, split_above, merge };

proctype Writer(byte me; byte m)
{
	byte rounds, a, v, w, n, r;
	byte unused = NONE;
	bit may_die, err, is_detached, exclusive;
	mtype op;

	do
	:: rounds == (m == 0 -> ROUNDS : 2) -> break
	:: else ->
#ifdef EXIT
		/* mmput(): exit_mmap() comes when nobody uses the mm. */
		if
		:: m == 1 && rounds == 1 -> mm[m].users == 0
		:: else
		fi;
#endif
		mmap_write_lock(m);
		atomic {
			if
			:: ROUNDS < 255 || m == 1 -> rounds++
			:: else
			fi;
			select(a : 0 .. ADDRESSES - 1);
			for (r : 0 .. VMAS - 1) {
				if
				:: vma[r].free && unused == NONE -> unused = r
				:: else
				fi
			}
			r = 0;
			v = mm[m].tree[a];
			if
#ifdef WRITE
			:: m == 0 && v != NONE -> op = write
#endif
#ifdef UNMAP
			:: m == 0 && v != NONE -> op = unmap
#endif
#ifdef MAP
			:: m == 0 && v == NONE && unused != NONE -> op = map
#endif
#ifdef OTHER
			:: m == 1 && rounds == 1 && unused != NONE -> op = map
			:: m == 1 && rounds == 2 && v != NONE -> op = unmap
#endif
#ifdef SPLIT
			:: m == 0 && v != NONE && vma[v].end > vma[v].first + 1 && unused != NONE ->
				op = split_below
			:: m == 0 && v != NONE && vma[v].end > vma[v].first + 1 && unused != NONE ->
				op = split_above
#endif
#ifdef MERGE
			:: m == 0 && v != NONE && vma[v].end < ADDRESSES && mm[m].tree[vma[v].end] != NONE ->
				op = merge
#endif
			:: else -> op = nothing
			fi;
			if
			:: op == map || op == split_below || op == split_above ->
				w = unused;
				vma[w].free = 0
			:: op == merge -> w = mm[m].tree[vma[v].end]
			:: else
			fi;
			unused = NONE
#ifdef KILL
			;
			if
			:: m == 0 && op != nothing -> may_die = 1
			:: true
			fi
#endif
		}

		/* __split_vma() copies the VMA before it write-locks it. */
		if
		:: op == map -> vma_init(w, a, a + 1)
		:: op == split_below -> vma_init(w, vma[v].first, vma[v].first + 1)
		:: op == split_above -> vma_init(w, vma[v].first + 1, vma[v].end)
		:: else
		fi;
		if
		:: op != nothing && op != map ->
lock_again:
			vma_start_write(v, may_die)
		:: else
		fi;
		/* A VMA may be write-locked a second time, which changes nothing. */
		if
		:: !err && op == write ->
			op = nothing;
			goto lock_again
		:: else
		fi;
		if
		:: !err && (op == map || op == split_below || op == split_above || op == merge) ->
			vma_start_write(w, may_die)
		:: else
		fi;
		if
		:: err ->
			if
			:: op == split_below || op == split_above -> vm_area_free(w)
			:: else
			fi
		:: !err && op == unmap ->
			/* vms_gather_munmap_vmas(), then the tree. */
			vma_mark_detached(v);
#ifdef FREE_EARLY
			vm_area_free(v);
#endif
			tree_store(m, vma[v].first, vma[v].end, NONE)
		:: !err && op == map ->
			vma_mark_attached(w);
#ifdef ATTACH_EARLY
			vma[w].mm = m;
#endif
			tree_store(m, a, a + 1, w)
		:: !err && op == split_below ->
			vma[v].first = vma[v].first + 1;
			vma_mark_attached(w);
			tree_store(m, vma[w].first, vma[w].end, w)
		:: !err && op == split_above ->
			vma[v].end = vma[v].first + 1;
			vma_mark_attached(w);
			tree_store(m, vma[w].first, vma[w].end, w)
		:: !err && op == merge ->
			/* commit_merge(), then vma_complete(). */
#ifdef DETACH_FIRST
			vma_mark_detached(w);
#endif
			vma[v].end = vma[w].end;
			tree_store(m, vma[v].first, vma[v].end, v);
#ifndef DETACH_FIRST
			vma_mark_detached(w);
#endif
			vm_area_free(w)
		:: else
		fi;
		d_step {
			/* Nobody reads what is written to. */
			for (r : 0 .. VMAS - 1) {
				assert(!vma[r].excluded || vma[r].holders == 0)
			}
			r = 0
		}

		if
#ifdef DOWNGRADE
		:: m == 0 ->
#ifndef END_WRITE_LATE
			vma_end_write_all(m);
			downgrade_write(m);
#else
			downgrade_write(m);
			vma_end_write_all(m);
#endif
			printf("MSC: writer %d: has downgraded\n", me);
			goto free_unmapped_then_read_unlock
#endif
		:: true ->
#ifndef FREE_EARLY
			if
			:: !err && op == unmap -> vm_area_free(v)
			:: else
			fi;
#endif
#ifndef END_WRITE_LATE
			vma_end_write_all(m);
			up_write(m)
#else
			up_write(m);
			vma_end_write_all(m)
#endif
		fi;
		goto round_done;
#ifdef DOWNGRADE
free_unmapped_then_read_unlock:
#ifndef FREE_EARLY
		if
		:: !err && op == unmap -> vm_area_free(v)
		:: else
		fi;
#endif
		mmap_read_unlock(m);
#endif
round_done:
		atomic {
			a = 0;
			v = 0;
			w = 0;
			op = 0;
			err = 0;
			may_die = 0
		}
#ifdef WRITER_GETS_THROUGH
		if
		:: me == 0 ->
			wrote = 1;
			wrote = 0
		:: else
		fi
#endif
	od;
#ifdef EXIT
	if
	:: m == 1 -> mmdrop(m)
	:: else
	fi;
#endif
	ended++
}

#ifdef KILL
/* A fatal signal at any time. It wakes a task that sleeps killably. */
proctype Killer(byte me)
{
	d_step {
		killed[me] = 1;
		if
		:: state[me] == killable -> state[me] = running
		:: else
		fi
	}
}
#endif

init
{
	byte i, m;

	atomic {
		for (i : 0 .. VMAS - 1) {
			vma[i].free = 1;
			vma[i].seq = SEQS - 1
		}
		for (i : 0 .. TASKS - 1) {
			state[i] = running
		}
		for (m : 0 .. 1) {
			for (i : 0 .. ADDRESSES - 1) {
				mm[m].tree[i] = NONE
			}
			mm[m].waiter = NONE;
			mm[m].count = 1
		}
		mm[0].users = READERS;
		mm[1].users = FOREIGN;
		for (i : 0 .. ADDRESSES - 1) {
#ifdef TOGETHER
			mm[0].tree[i] = 0;
			m = 0;
#else
			mm[0].tree[i] = i;
			vma[i].first = i;
			m = i;
#endif
			vma[m].end = i + 1;
			vma[m].refcnt = 1;
			vma[m].free = 0
		}
		for (i : 0 .. ALL_READERS - 1) {
#ifdef NEXT
			from[i] = NONE;
#endif
			run Reader(i, i >= READERS)
		}
		for (i : 0 .. TASKS - 1) {
			run Writer(i, i >= WRITERS)
		}
#ifdef KILL
		for (i : 0 .. WRITERS - 1) {
			run Killer(i)
		}
#endif
		i = 0;
		m = 0
	}
	/* Once all is over, each count is back at what it was. */
	atomic {
		ended == ALL_READERS + TASKS;
		for (m : 0 .. 1) {
			assert(!mm[m].written && mm[m].read == 0 && mm[m].waiter == NONE);
#ifdef EXIT
			assert(mm[m].freed == (m == 1));
#endif
			for (i : 0 .. ADDRESSES - 1) {
				assert(mm[m].tree[i] == NONE || vma[mm[m].tree[i]].mm == m);
				assert(mm[m].tree[i] == NONE || vma[mm[m].tree[i]].refcnt == 1)
			}
		}
		for (i : 0 .. VMAS - 1) {
			assert(vma[i].holders == 0 && !vma[i].excluded);
			assert(vma[i].refcnt == (vma[i].free -> 0 : 1))
		}
	}
}

#ifdef WRITER_GETS_THROUGH
ltl gets_through { [] <> wrote }
#endif
