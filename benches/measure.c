/* Runs a program and writes what it cost as the last line of standard error: microseconds of wall clock, user and
   system time (its waited-for children included), peak resident memory in KiB. Small, because the peak of a child
   begins with its parent's: usage: measure PROGRAM ARGUMENTS... */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct timespec from, to;
  struct rusage used;
  int status;
  if (argc < 2) return 64;
  clock_gettime(CLOCK_MONOTONIC, &from);
  pid_t child = fork();
  if (child == 0) {
    execvp(argv[1], argv + 1);
    _exit(127);
  }
  if (child < 0 || wait4(child, &status, 0, &used) != child) return 70;
  clock_gettime(CLOCK_MONOTONIC, &to);
  fprintf(stderr, "%ld %ld %ld %ld\n", (to.tv_sec - from.tv_sec) * 1000000L + (to.tv_nsec - from.tv_nsec) / 1000,
          used.ru_utime.tv_sec * 1000000L + used.ru_utime.tv_usec, used.ru_stime.tv_sec * 1000000L + used.ru_stime.tv_usec,
          used.ru_maxrss);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
