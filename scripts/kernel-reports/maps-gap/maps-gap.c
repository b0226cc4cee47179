// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/PID/maps shows a gap in a range that is mapped all the time.
 *
 * One thread moves the boundaries between neighbouring VMAs by mprotect() and
 * never unmaps anything. Another one reads /proc/self/maps, and expects each
 * line within the range to begin at or below the end of the line before: that
 * is what Documentation/filesystems/proc.rst promises.
 *
 * Build: cc -O2 -static -pthread maps-gap.c -o maps-gap
 * Run: ./maps-gap [SECONDS [READERS]]. Exits with 1 if there was a gap.
 *
 * A reader must lose its processor at one of two places, so it takes more
 * threads than processors and some patience; a virtual machine with more
 * processors than its host helps.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAIRS 40
#define MAX_READERS 64
#define PAGE 4096UL
/* The boundary of a pair is 4 or 8 pages from its start. */
#define PAIR (12 * PAGE)
#define SIZE (PAIRS * PAIR)

static char *range;
static atomic_bool done;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void protect(char *start, size_t len, int prot)
{
	if (mprotect(start, len, prot))
		die("mprotect");
}

static void *move_boundaries(void *unused)
{
	while (!done) {
		for (int i = 0; i < PAIRS; i++)
			protect(range + i * PAIR + 4 * PAGE, 4 * PAGE, PROT_READ);
		for (int i = 0; i < PAIRS; i++)
			protect(range + i * PAIR + 4 * PAGE, 4 * PAGE,
				PROT_READ | PROT_WRITE);
	}
	return unused;
}

/* Reads the map once; returns how many gaps it had in the range. */
static int gaps(int print)
{
	static __thread char text[1 << 17];
	unsigned long low = (unsigned long)range, high = low + SIZE, at = low;
	size_t len = 0;
	ssize_t got;
	char *rest;
	int fd = open("/proc/self/maps", O_RDONLY), found = 0;

	if (fd < 0)
		die("/proc/self/maps");
	while ((got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += got;
	if (got < 0)
		die("read");
	close(fd);
	text[len] = 0;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx", &start, &end) != 2)
			die("a line of /proc/self/maps");
		if (end <= low || start >= high)
			continue;
		if (start > at) {
			found++;
			if (print)
				printf("a gap from %lx to %lx before the line: %s\n",
				       at, start, line);
		}
		at = end;
	}
	if (at < high)
		found++;
	return found;
}

static atomic_ulong reads, wrong;

static void *read_maps(void *unused)
{
	while (!done) {
		reads++;
		if (gaps(wrong < 5))
			wrong++;
	}
	return unused;
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 60;
	int readers = argc > 2 ? atoi(argv[2]) : 4;
	pthread_t writer, reader[MAX_READERS];

	if (seconds < 1 || readers < 1 || readers > MAX_READERS) {
		fprintf(stderr, "usage: maps-gap [SECONDS [READERS]]\n");
		return 2;
	}

	range = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (range == MAP_FAILED)
		die("mmap");
	for (int i = 0; i < PAIRS; i++)
		protect(range + i * PAIR, 4 * PAGE, PROT_READ);
	if (gaps(1)) {
		fprintf(stderr, "a gap while nobody writes: the test is wrong\n");
		return 2;
	}

	if (pthread_create(&writer, NULL, move_boundaries, NULL))
		die("pthread_create");
	for (int i = 0; i < readers; i++)
		if (pthread_create(&reader[i], NULL, read_maps, NULL))
			die("pthread_create");
	sleep(seconds);
	done = 1;
	pthread_join(writer, NULL);
	for (int i = 0; i < readers; i++)
		pthread_join(reader[i], NULL);

	printf("%lu of %lu readings of /proc/self/maps had a gap\n", wrong, reads);
	return wrong != 0;
}
