/* SPDX-License-Identifier: GPL-2.0 */

/*
 * Safe Rust code with the guards of rust/kernel/mm/vma/lock and rust/kernel/mm/vma/walk/cursor.rs.
 *
 * Each task has one lock scope and calls any method that the compiler lets it call, in any order,
 * for ever. A step BY(MUT, VmaLocks, read) is a call of VmaLocks::read(), which takes `&mut self`;
 * transitions.toml says which methods there are and what they take, and a check compares that with
 * their signatures and with the steps here. What the compiler does with a receiver is said once,
 * for each type, in the macros MUT_, REF_, VALUE_ and ENDS_: a guard that is alive keeps its borrow
 * of the scope, because it has a destructor; a view has none, so a call that takes its guard by
 * value or mutably ends it.
 *
 * The locks are those of C. A VMA lock is a count and a flag here, as in many.pml; vm_refcnt.pml
 * has what is inside. Readers of the mmap lock wait behind a writer that waits.
 *
 * The variant is chosen by -D:
 *   TASKS              how many there are
 *   SCOPE, SEVERAL, CURSOR  leave out what does not belong to one of these three: the
 *                      guards of one VMA and of the mmap lock, LockedVmas, VmaCursor
 * and what is to go wrong:
 *   DOWNGRADE_BY_REF   downgrade() takes `&self`: views of the write lock stay
 *   DOWNGRADE_KEEPS_LEVEL  downgrade() returns a guard at the level MmapWrite
 *   MUNMAP_BY_REF      munmap() takes `&self`: views stay
 *   KEEPS_MMAP_GUARD   lock_vma() of a guard releases the mmap lock, and the guard stays
 *   READ_LOCK_UNDER_WRITE  lock_vma() of a guard needs no read level
 *   READ_BY_REF        read() takes `&self`
 *   NO_SCOPE           a VmaGuard from under the mmap lock does not borrow the scope
 *   NO_TAG             a ReadGuard does not know which lock it has
 *   CURSOR_BY_REF      cursor() takes `&self`
 *   CURSOR_KEEPS_LOCK  lock_next() locks the next VMA before it unlocks the last
 *   CURSOR_KEEPS_VIEW  lock_next() takes `&self`: the view of the last VMA stays
 *   NOT_ASKED          as_write_locked() does not ask
 *   KEEPS_WHILE_WAITING  lock_vmas() keeps what it has while it waits for the mmap lock
 */

#ifndef TASKS
#define TASKS 2
#endif
#if !defined(SCOPE) && !defined(SEVERAL) && !defined(CURSOR)
#define SCOPE
#define SEVERAL
#define CURSOR
#endif

#define VMAS 2
#define NONE 255

mtype = { unlocked, read, write };

/*
 * The locks.
 */

typedef Held {
	mtype mmap;		/* the mmap lock */
	byte vma[VMAS]		/* how often each VMA is read-locked */
};
Held held[TASKS];

mtype mmap = unlocked;
byte mmap_readers;
byte mmap_writers_wait;

byte count[VMAS];		/* readers */
bit attached[VMAS];
bit exclude[VMAS];
bit written[VMAS];		/* vm_lock_seq == mm_lock_seq */

/* Killed or not: a task that is not waits to the end. */
inline mmap_read_lock(may_be_killed)
{
	if
	:: true -> atomic {
		mmap != write && mmap_writers_wait == 0;
		assert(held[me].mmap == unlocked);
		mmap = read;
		mmap_readers++;
		held[me].mmap = read
	}
	:: may_be_killed -> error = 1
	fi
}

inline mmap_read_unlock()
{
	d_step {
		assert(held[me].mmap == read);
		held[me].mmap = unlocked;
		mmap_readers--;
		if
		:: mmap_readers == 0 -> mmap = unlocked
		:: else
		fi
	}
}

inline mmap_write_lock(may_be_killed)
{
	mmap_writers_wait++;
	if
	:: true -> atomic {
		mmap == unlocked;
		mmap = write;
		mmap_writers_wait--;
		held[me].mmap = write
	}
	:: atomic {
		may_be_killed -> error = 1;
		mmap_writers_wait--
	}
	fi
}

/* vma_end_write_all(), for a d_step. */
inline end_write_all()
{
	assert(held[me].mmap == write && mmap == write);
	for (i : 0 .. VMAS - 1) {
		written[i] = 0
	}
	i = 0
}

inline mmap_write_unlock()
{
	d_step {
		end_write_all();
		mmap = unlocked;
		held[me].mmap = unlocked
	}
}

inline mmap_write_downgrade()
{
	d_step {
		end_write_all();
		mmap = read;
		mmap_readers = 1;
		held[me].mmap = read
	}
}

/* lock_vma_under_rcu(). It may always fail. */
inline lock_vma_under_rcu(v)
{
	if
	:: atomic {
		attached[v] && !exclude[v] && !written[v];
		count[v]++;
		held[me].vma[v]++;
		locked = 1
	}
	:: locked = 0
	fi
}

/* vma_start_read_locked(). It may fail, at the limit of readers. */
inline vma_start_read_locked(v)
{
	if
	:: atomic {
		/* "nobody can concurrently write-lock the vma" */
		assert(attached[v] && !exclude[v] && !written[v]);
		count[v]++;
		held[me].vma[v]++;
		locked = 1
	}
	:: locked = 0
	fi
}

inline vma_end_read(v)
{
	d_step {
		assert(held[me].vma[v] > 0);
		held[me].vma[v]--;
		count[v]--
	}
}

inline vma_start_write(v, may_be_killed)
{
	assert(held[me].mmap == write);
	if
	:: written[v]
	:: else ->
		exclude[v] = 1;
		if
		:: true -> atomic {
			count[v] == 0;
			written[v] = 1
		}
		:: may_be_killed -> error = 1
		fi;
		exclude[v] = 0
	fi
}

/*
 * The values that a task has.
 */

mtype = { by_vma, by_mmap };

typedef Values {
	bit borrowed;		/* by a MmapGuard, or VmaGuards from it: the scope, mutably */
	mtype mmap;		/* MmapGuard, by its level */
	byte view;		/* &Vma<L> from it, at its level */
	mtype view_level;
	byte written;		/* &Vma<VmaWrite> */
	byte vma[VMAS];		/* VmaGuards */
	byte one;		/* ReadGuard */
	mtype one_by;
	bit several;		/* LockedVmas of two addresses */
	byte first;
	byte second;
	bit cursor;		/* VmaCursor; what it holds is locked or waited */
	byte locked;
	byte waited;
	mtype waited_by;
	byte visited		/* &Vma<Read> from it */
};
Values has[TASKS];

#define VMA_GUARDS (has[me].vma[0] + has[me].vma[1])
#ifdef NO_SCOPE
#define VMA_GUARDS_BORROW false
#else
#define VMA_GUARDS_BORROW (VMA_GUARDS > 0)
#endif
#define NO_GUARD \
	(has[me].mmap == unlocked && !VMA_GUARDS_BORROW && has[me].one == NONE && \
	 !has[me].several && !has[me].cursor)

/*
 * The conditions of each receiver. A value with a destructor keeps its borrow while it is alive.
 */

#define MUT_VmaLocks (!has[me].borrowed && NO_GUARD)
#define REF_VmaLocks \
	(!has[me].borrowed && has[me].one == NONE && !has[me].several && !CURSOR_BORROWS)
#ifdef CURSOR_BY_REF
#define CURSOR_BORROWS false
#else
#define CURSOR_BORROWS has[me].cursor
#endif
#define REF_MmapGuard (has[me].mmap != unlocked)
#define MUT_MmapGuard REF_MmapGuard
#define VALUE_MmapGuard REF_MmapGuard
#define VALUE_VmaGuard (VMA_GUARDS > 0)
#define MUT_ReadGuard (has[me].one != NONE)
#define VALUE_ReadGuard MUT_ReadGuard
#define REF_LockedVmas (has[me].several)
#define VALUE_LockedVmas REF_LockedVmas
#define REF_VmaCursor (has[me].cursor)
#define MUT_VmaCursor REF_VmaCursor
#define VALUE_VmaCursor REF_VmaCursor
#define REF_Vma (has[me].view != NONE)

/* The bounds of L, which is the level of the guard or of the view. */
#define LEVEL_MmapGuard has[me].mmap
#define LEVEL_Vma has[me].view_level
#define IS_MmapReadHeld(level) ((level) == read)
#define IS_MmapWriteHeld(level) ((level) == write)
#ifdef READ_LOCK_UNDER_WRITE
#undef IS_MmapReadHeld
#define IS_MmapReadHeld(level) true
#endif
#define WHERE(type, bound) IS_##bound(LEVEL_##type)

/* A view ends when what it borrows is taken by value or mutably. */
#define ENDS_MUT_MmapGuard end_views();
#define ENDS_VALUE_MmapGuard end_views();
#define ENDS_MUT_VmaCursor has[me].visited = NONE;
#define ENDS_VALUE_VmaCursor has[me].visited = NONE;
#define ENDS_REF_MmapGuard
#define ENDS_REF_VmaCursor
#define ENDS_MUT_VmaLocks
#define ENDS_REF_VmaLocks
#define ENDS_VALUE_VmaGuard
#define ENDS_MUT_ReadGuard
#define ENDS_VALUE_ReadGuard
#define ENDS_REF_LockedVmas
#define ENDS_VALUE_LockedVmas
#define ENDS_REF_Vma

inline end_views()
{
	d_step {
		has[me].view = NONE;
		has[me].view_level = 0;
		has[me].written = NONE
	}
}

/* A call. WRONGLY_BY() is one of a method that has another receiver than in the source. */
#define TEXT_OF(what) #what
#define TEXT(what) TEXT_OF(what)
#define BY(receiver, type, method) \
	receiver##_##type -> ENDS_##receiver##_##type \
	printf(TEXT(MSC: task %d: type::method()\n), me)
#define WRONGLY_BY(receiver, type, method) BY(receiver, type, method)

/* After the last guard the scope is free. */
inline end_borrow()
{
	d_step {
		if
		:: NO_GUARD -> has[me].borrowed = 0
		:: else
		fi
	}
}

/* ReadGuard::lock_under_mmap(): hands the mmap read lock over to the VMA lock, or keeps it. */
inline lock_under_mmap(v)
{
	if
	:: !attached[v] ->
		mmap_read_unlock();
		w = NONE
	:: else ->
		w = v;
		vma_start_read_locked(v);
		if
		:: locked ->
			by = by_vma;
			mmap_read_unlock()
		:: else -> by = by_mmap
		fi
	fi
}

/* Drop for ReadGuard. */
inline drop_read_guard(v)
{
	if
#ifdef NO_TAG
	:: true -> vma_end_read(v)
#else
	:: by == by_vma -> vma_end_read(v)
	:: by == by_mmap -> mmap_read_unlock()
#endif
	fi;
	by = 0
}

/* VmaCursor::unlock(). */
inline cursor_unlock()
{
	if
	:: has[me].locked != NONE ->
		w = has[me].locked;
		has[me].locked = NONE;
		vma_end_read(w)
	:: has[me].waited != NONE ->
		d_step {
			w = has[me].waited;
			by = has[me].waited_by;
			has[me].waited = NONE;
			has[me].waited_by = 0
		}
		drop_read_guard(w)
	:: else
	fi
}

/* After each call: what the types say is what is held, no less and no more. */
inline check_claims()
{
	d_step {
		for (i : 0 .. VMAS - 1) {
			n = has[me].vma[i];
			if
			:: has[me].one == i && has[me].one_by == by_vma -> n++
			:: else
			fi;
			if
			:: has[me].several && has[me].first == i -> n++
			:: else
			fi;
			if
			:: has[me].several && has[me].second == i && has[me].first != i -> n++
			:: else
			fi;
			if
			:: has[me].locked == i -> n++
			:: else
			fi;
			if
			:: has[me].waited == i && has[me].waited_by == by_vma -> n++
			:: else
			fi;
			assert(held[me].vma[i] == n);
			/* A VMA that is read-locked by anybody is attached, and not written to. */
			assert(count[i] == 0 || (attached[i] && !written[i]))
		}
		i = 0;
		n = (has[me].one_by == by_mmap) + (has[me].waited_by == by_mmap);
		assert(n == 0 || has[me].mmap == unlocked);
		assert(held[me].mmap == (n > 0 -> read : has[me].mmap));
		n = 0;
		/* Views: of the mmap lock, of the VMA write lock, of the cursor. */
		assert(has[me].view == NONE || has[me].view_level == held[me].mmap);
		assert(has[me].view == NONE || attached[has[me].view]);
		assert(has[me].written == NONE || held[me].mmap == write);
		assert(has[me].written == NONE || (written[has[me].written] && attached[has[me].written]));
		assert(has[me].visited == NONE || held[me].mmap == read || held[me].vma[has[me].visited] > 0);
		error = 0;
		locked = 0;
		by = 0;
		v = 0;
		w = 0
	}
}

proctype Task(byte me)
{
	byte v, w, i, n;
	bit error, locked, killable;
	mtype by;

	do
	:: atomic { select(v : 0 .. VMAS - 1) }
	if
#ifdef SCOPE
	/* The mmap lock. */
#ifdef READ_BY_REF
	:: has[me].mmap == unlocked && WRONGLY_BY(REF, VmaLocks, read);
#else
	:: BY(MUT, VmaLocks, read);
#endif
		mmap_read_lock(false);
		d_step {
			has[me].mmap = read;
			has[me].borrowed = 1
		}
	:: BY(MUT, VmaLocks, read_killable);
		mmap_read_lock(true);
		d_step {
			if
			:: !error ->
				has[me].mmap = read;
				has[me].borrowed = 1
			:: else
			fi
		}
	:: BY(MUT, VmaLocks, read_trylock);
		d_step {
			if
			:: mmap != write && mmap_writers_wait == 0 ->
				mmap = read;
				mmap_readers++;
				held[me].mmap = read;
				has[me].mmap = read;
				has[me].borrowed = 1
			:: else
			fi
		}
	:: BY(MUT, VmaLocks, write_nested);
		goto write_lock
	:: BY(MUT, VmaLocks, write);
write_lock:
		mmap_write_lock(false);
		d_step {
			has[me].mmap = write;
			has[me].borrowed = 1
		}
	:: BY(MUT, VmaLocks, write_killable);
		mmap_write_lock(true);
		d_step {
			if
			:: !error ->
				has[me].mmap = write;
				has[me].borrowed = 1
			:: else
			fi
		}
	:: BY(VALUE, MmapGuard, drop);
		if
		:: has[me].mmap == read -> mmap_read_unlock()
		:: else -> mmap_write_unlock()
		fi;
		has[me].mmap = unlocked;
		end_borrow()

	/* VMAs under it. */
	:: BY(REF, MmapGuard, find_vma);
		goto look_up
	:: BY(REF, MmapGuard, vmas);
		goto look_up
	:: BY(REF, MmapGuard, vmas_in);
		goto look_up
	:: BY(REF, MmapGuard, areas_in);
		goto look_up
	:: BY(REF, MmapGuard, lookup);
look_up:
		atomic {
			if
			:: attached[v] ->
				has[me].view = v;
				has[me].view_level = has[me].mmap
			:: else
			fi
		}
	:: WHERE(Vma, MmapWriteHeld) && BY(REF, Vma, start_write);
		v = has[me].view;
		vma_start_write(v, false);
		has[me].written = v
	:: WHERE(Vma, MmapWriteHeld) && BY(REF, Vma, start_write_killable);
		v = has[me].view;
		vma_start_write(v, true);
		d_step {
			if
			:: !error -> has[me].written = v
			:: else
			fi
		}
	:: WHERE(Vma, MmapWriteHeld) && BY(REF, Vma, as_write_locked);
		d_step {
			if
#ifdef NOT_ASKED
			:: true -> has[me].written = has[me].view
#else
			:: written[has[me].view] -> has[me].written = has[me].view
			:: else
#endif
			fi
		}
	:: BY(MUT, MmapGuard, nest)
	:: has[me].mmap == read && BY(MUT, MmapGuard, pin_user_pages)
	:: WHERE(MmapGuard, MmapWriteHeld) && BY(MUT, MmapGuard, split);
		if
		:: attached[v] -> vma_start_write(v, false)
		:: else
		fi
#ifdef MUNMAP_BY_REF
	:: WHERE(MmapGuard, MmapWriteHeld) && WRONGLY_BY(REF, MmapGuard, munmap);
#else
	:: WHERE(MmapGuard, MmapWriteHeld) && BY(MUT, MmapGuard, munmap);
#endif
		if
		:: attached[v] ->
			vma_start_write(v, false);
			attached[v] = 0
		:: else
		fi
#ifdef DOWNGRADE_BY_REF
	:: WHERE(MmapGuard, MmapWriteHeld) && WRONGLY_BY(REF, MmapGuard, downgrade);
#else
	:: WHERE(MmapGuard, MmapWriteHeld) && BY(VALUE, MmapGuard, downgrade);
#endif
		mmap_write_downgrade();
#ifndef DOWNGRADE_KEEPS_LEVEL
		has[me].mmap = read
#endif
	:: has[me].vma[v] == 0 && WHERE(MmapGuard, MmapReadHeld) && BY(REF, MmapGuard, lock_vma_nested);
		goto lock_vma
	:: has[me].vma[v] == 0 && WHERE(MmapGuard, MmapReadHeld) && BY(REF, MmapGuard, lock_vma);
lock_vma:
		if
		:: attached[v] ->
			vma_start_read_locked(v);
			if
			:: locked -> has[me].vma[v] = 1
			:: else
			fi
		:: else
		fi;
#ifdef KEEPS_MMAP_GUARD
		mmap_read_unlock()
#endif

	/* One VMA. */
	:: has[me].vma[v] == 0 && BY(REF, VmaLocks, lock_vma_under_rcu);
		lock_vma_under_rcu(v);
		has[me].vma[v] = locked
	:: has[me].vma[v] > 0 && BY(VALUE, VmaGuard, drop);
		has[me].vma[v] = 0;
		vma_end_read(v);
		end_borrow()
	:: BY(MUT, VmaLocks, lock_vma);
		lock_vma_under_rcu(v);
		if
		:: locked ->
			has[me].one = v;
			has[me].one_by = by_vma
		:: else ->
			mmap_read_lock(false);
			lock_under_mmap(v);
			d_step {
				has[me].one = w;
				has[me].one_by = by
			}
		fi
	:: BY(MUT, VmaLocks, lock_next_vma);
		goto lock_vma_killable
	:: BY(MUT, VmaLocks, lock_vma_killable);
lock_vma_killable:
		lock_vma_under_rcu(v);
		if
		:: locked ->
			has[me].one = v;
			has[me].one_by = by_vma
		:: else ->
			mmap_read_lock(true);
			if
			:: !error ->
				lock_under_mmap(v);
				d_step {
					has[me].one = w;
					has[me].one_by = by
				}
			:: else
			fi
		fi
	:: BY(MUT, ReadGuard, nest)
	/* Pinning takes the mmap lock and releases it. */
	:: BY(MUT, VmaLocks, pin_user_pages_fast);
		goto pin
	:: BY(MUT, VmaLocks, pin_user_pages_unlocked);
pin:
		mmap_read_lock(true);
		if
		:: !error -> mmap_read_unlock()
		:: else
		fi
	:: BY(VALUE, ReadGuard, drop);
		d_step {
			w = has[me].one;
			by = has[me].one_by;
			has[me].one = NONE;
			has[me].one_by = 0
		}
		drop_read_guard(w)
#endif

#ifdef SEVERAL
	:: BY(MUT, VmaLocks, lock_vmas_killable);
		killable = 1;
		goto lock_vmas
	:: BY(MUT, VmaLocks, lock_vmas);
lock_vmas:
		atomic { select(w : 0 .. VMAS - 1) }
		lock_vma_under_rcu(v);
		n = locked;
		if
		:: n > 0 && w != v ->
			lock_vma_under_rcu(w);
			n = n + locked
		:: else
		fi;
		if
		:: n == (v == w -> 1 : 2)
		:: else ->
#ifndef KEEPS_WHILE_WAITING
			if
			:: n > 0 -> vma_end_read(v)
			:: else
			fi;
			n = 0;
#endif
			mmap_read_lock(killable);
			if
			:: error ->
#ifdef KEEPS_WHILE_WAITING
				if
				:: n > 0 -> vma_end_read(v)
				:: else
				fi;
				n = 0;
#endif
				goto nothing_locked
			:: else
			fi;
			if
			:: n == 0 && attached[v] ->
				vma_start_read_locked(v);
				n = locked
			:: else
			fi;
			if
			:: n > 0 && w != v && attached[w] ->
				vma_start_read_locked(w);
				n = n + locked
			:: else
			fi;
			if
			:: n == 1 && w != v ->
				vma_end_read(v);
				n = 0
			:: else
			fi;
			mmap_read_unlock()
		fi;
nothing_locked:
		atomic {
			killable = 0;
			if
			:: n > 0 ->
				has[me].several = 1;
				has[me].first = v;
				has[me].second = w
			:: else
			fi;
			n = 0
		}
	:: BY(REF, LockedVmas, views)
	:: BY(REF, LockedVmas, get)
	:: BY(VALUE, LockedVmas, drop);
		d_step {
			v = has[me].first;
			w = has[me].second;
			has[me].several = 0;
			has[me].first = NONE;
			has[me].second = NONE
		}
		if
		:: w != v -> vma_end_read(w)
		:: else
		fi;
		vma_end_read(v)
#endif

#ifdef CURSOR
	:: BY(MUT, VmaLocks, cursor);
		has[me].cursor = 1
	:: BY(MUT, VmaCursor, lock_next_counted);
		goto lock_next
#ifdef CURSOR_KEEPS_VIEW
	:: WRONGLY_BY(REF, VmaCursor, lock_next);
#else
	:: BY(MUT, VmaCursor, lock_next);
#endif
lock_next:
#ifdef CURSOR_KEEPS_LOCK
		if
		:: has[me].locked != NONE
		:: else -> cursor_unlock()
		fi;
#else
		cursor_unlock();
#endif
		lock_vma_under_rcu(v);
		if
		:: locked ->
#ifdef CURSOR_KEEPS_LOCK
			cursor_unlock();
#endif
			has[me].locked = v;
			has[me].visited = v
		:: else ->
			mmap_read_lock(true);
#ifdef CURSOR_KEEPS_LOCK
			cursor_unlock();
#endif
			if
			:: !error ->
				lock_under_mmap(v);
				d_step {
					has[me].waited = w;
					has[me].waited_by = by;
					has[me].visited = w
				}
			:: else
			fi
		fi
	:: BY(VALUE, VmaCursor, drop);
		cursor_unlock();
		has[me].cursor = 0
#endif
	/* There is no call for this VMA. */
	:: else
	fi;
	check_claims()
	od
}

/* Some other task maps what is not mapped. */
active proctype Mapper()
{
	do
	:: atomic {
		mmap == unlocked && !attached[0] -> attached[0] = 1
	}
	:: atomic {
		mmap == unlocked && !attached[1] -> attached[1] = 1
	}
	od
}

init
{
	byte i;

	atomic {
		attached[0] = 1;
		attached[1] = 1;
		for (i : 0 .. TASKS - 1) {
			held[i].mmap = unlocked;
			has[i].mmap = unlocked;
			has[i].view = NONE;
			has[i].written = NONE;
			has[i].one = NONE;
			has[i].first = NONE;
			has[i].second = NONE;
			has[i].locked = NONE;
			has[i].waited = NONE;
			has[i].visited = NONE;
			run Task(i)
		}
		i = 0
	}
}
