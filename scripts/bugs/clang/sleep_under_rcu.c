// SPDX-License-Identifier: GPL-2.0
// A task waits for a mutex inside an RCU read-side critical section.

#include <linux/mutex.h>
#include <linux/rcupdate.h>

void wait_under_rcu(struct mutex *state);

void wait_under_rcu(struct mutex *state)
{
	rcu_read_lock();
	mutex_lock(state);
	mutex_unlock(state);
	rcu_read_unlock();
}
