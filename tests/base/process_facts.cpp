// SPDX-License-Identifier: Apache-2.0
// The program that tests/base/child_test.cpp starts: it prints what it was born with as lines of
// "name value", then waits until its standard input ends.
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstring>

extern char** environ;

int main(int argc, char** argv) {
    for (int i = 0; i < argc; ++i) std::printf("argument %s\n", argv[i]);
    for (char** variable = environ; *variable != nullptr; ++variable)
        std::printf("environment %s\n", *variable);
    char directory[PATH_MAX];
    if (getcwd(directory, sizeof directory) != nullptr) std::printf("directory %s\n", directory);
    std::printf("session %s\n", getsid(0) == getpid() ? "own" : "parent's");
    std::printf("group %s\n", getpgrp() == getpid() ? "own" : "parent's");
    rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        std::printf("files %llu\n", static_cast<unsigned long long>(files.rlim_cur));
    for (int fd = 3; fd < 64; ++fd)
        if (fcntl(fd, F_GETFD) >= 0) std::printf("descriptor %d\n", fd);
    // SigBlk, SigIgn, SigCgt and Cpus_allowed_list, as the kernel sees us.
    if (std::FILE* status = std::fopen("/proc/self/status", "r")) {
        char line[512];
        while (std::fgets(line, sizeof line, status) != nullptr)
            if (std::strncmp(line, "Sig", 3) == 0 ||
                std::strncmp(line, "Cpus_allowed_list", 17) == 0)
                std::fputs(line, stdout);
        std::fclose(status);
    }
    std::puts("end");
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    return 7;
}
