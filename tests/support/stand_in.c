// Stands in for every program that a generated line may run: writes its words down and does nothing else.
// It is linked statically and without the C library's start, so that a folder with nothing but a few shells can run it
// and that starting it costs next to nothing.
//
// A record is one write to descriptor 9: the line's number, how many words, the words, each ended by a NUL. The number
// comes from a limit of the process that Linux does not enforce, which `env -i` and every other wrapper hand on.
#include <elf.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
static long kernel(long call, long a, const void *b, unsigned long c, void *d) {
    register void *fourth __asm__("r10") = d;
    __asm__ volatile("syscall" : "+a"(call) : "D"(a), "S"(b), "d"(c), "r"(fourth) : "rcx", "r11", "memory");
    return call;
}
#elif defined(__aarch64__)
__asm__(".globl _start\n_start: mov x0, sp\n bl begin\n");
static long kernel(long call, long a, const void *b, unsigned long c, void *d) {
    register long number __asm__("x8") = call, first __asm__("x0") = a;
    register const void *second __asm__("x1") = b;
    register unsigned long third __asm__("x2") = c;
    register void *fourth __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(first) : "r"(number), "r"(second), "r"(third), "r"(fourth) : "memory");
    return first;
}
#else
#error "how does a program call the kernel here?"
#endif

static void leave(int status) {
    for (;;) kernel(SYS_exit_group, status, 0, 0, 0);
}

static char record[4096]; // a write of at most this to a pipe is never torn (PIPE_BUF)
static size_t at;

static void put(char byte) {
    if (at == sizeof record) leave(9);
    record[at++] = byte == '\n' ? '\1' : byte; // as the stand-ins in the shells write it
}

static void number(unsigned long n) {
    if (n > 9) number(n / 10);
    put((char)('0' + n % 10));
}

static char *base(char *path) {
    char *name = path;
    for (; *path; path++)
        if (*path == '/') name = path + 1;
    return name;
}

static int same(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

// The stack as the kernel lays it out: the count, the words, the environment, the auxiliary vector.
void begin(unsigned long *stack) {
    unsigned long argc = *stack;
    char **argv = (char **)(stack + 1), **rest = argv + argc + 1;
    while (*rest) rest++;
    // `exec -a NAME` gives a program another name: what counts is which program it is.
    char *name = base(argv[0]);
    for (unsigned long *pair = (unsigned long *)(rest + 1); pair[0] != AT_NULL; pair += 2)
        if (pair[0] == AT_EXECFN && !same(name, base((char *)pair[1]))) argv[0] = name = base((char *)pair[1]);
    struct rlimit line;
    if (kernel(SYS_prlimit64, 0, (void *)RLIMIT_RSS, 0, &line) != 0) leave(9);
    number(line.rlim_cur / 1024);
    put(0);
    number(argc);
    put(0);
    for (unsigned long i = 0; i < argc; i++) {
        for (char *c = argv[i]; *c; c++) put(*c);
        put(0);
    }
    if (kernel(SYS_write, 9, record, at, 0) != (long)at) leave(9);
    leave(same(name, "f"));
}
