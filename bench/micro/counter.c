/* What a program says to callgrind, for Python's ctypes. Outside of valgrind these do nothing. */

#include <valgrind/callgrind.h>

int inside(void) { return RUNNING_ON_VALGRIND; }

void start(void) { CALLGRIND_START_INSTRUMENTATION; }

void zero(void) { CALLGRIND_ZERO_STATS; }

void dump(const char *name) { CALLGRIND_DUMP_STATS_AT(name); }
