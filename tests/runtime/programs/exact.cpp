// SPDX-License-Identifier: Apache-2.0
// A rank of a job that checks every kind of operation against an exact reference:
//   exact reductions|ordered|moves|large|private [forbid ERRNO]
// `ordered` checks those reductions alone for which the order of values matters.
// `private` checks private memory alone and tells by which way it went. With `forbid` the kernel
// refuses, with that error number, to read and write the memory of peers.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "base/fail.hpp"
#include "runtime/collective_checks.hpp"
#include "runtime/job.hpp"
#include "runtime/node_communicator.hpp"
#include "tests/runtime/exact_cases.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

constexpr std::size_t counts[] = {0, 1, 63, 64, 65};
constexpr std::size_t large = (1 << 20) + 3;

// Where elements lie, and of which size they are, changes with the number of ranks: over four of
// these each case has come.
void check_all_reductions(Self self, bool ordered_only) {
    for (int dtype = 0; dtype < dtype_count; ++dtype)
        for (int op = 0; op <= static_cast<int>(Op::bxor); ++op)
            for (int i = 0; i < static_cast<int>(std::size(counts)); ++i)
                if (is_defined(Op(op), Dtype(dtype)) &&
                    (!ordered_only || depends_on_order(Op(op), Dtype(dtype))))
                    check_reductions(self, Op(op), Dtype(dtype), counts[i],
                                     all_places[(dtype + op + i + self.world.size()) % 4]);
}

void check_all_moves(Self self) {
    constexpr Dtype dtypes[] = {Dtype::i8, Dtype::bf16, Dtype::f32, Dtype::i64};
    int turn = self.world.size();
    for (const Where from : all_places)
        for (const Where to : all_places)
            for (const std::size_t count : {0, 1, 63, 64, 65, 3001}) {
                const Dtype dtype = dtypes[turn++ % 4];
                check_moves(self, dtype, count, from, to);
                check_varying(self, dtype, count, from, to);
            }
}

// A part of all that there is for each number of ranks; all of it over three of them.
void check_large(Self self) {
    struct Reduction {
        Op op;
        Dtype dtype;
        Where where;
    };
    constexpr Reduction reductions[] = {
        {Op::sum, Dtype::f32, Where::heap},        {Op::avg, Dtype::f64, Where::private_memory},
        {Op::sum, Dtype::bf16, Where::misaligned}, {Op::prod, Dtype::i64, Where::private_memory},
        {Op::max, Dtype::f16, Where::strided},     {Op::bxor, Dtype::u8, Where::misaligned},
    };
    const int size = self.world.size();
    for (int i = size % 3; i < 6; i += 3)
        check_reductions(self, reductions[i].op, reductions[i].dtype, large, reductions[i].where);
    const auto block = large / static_cast<std::size_t>(size);
    check_moves(self, Dtype::i16, block, all_places[size % 4], Where::private_memory);
    check_varying(self, Dtype::i32, block / 4, Where::private_memory, all_places[size % 4]);
}

// Large enough to be read and written through the kernel where that is allowed.
void check_private(Self self) {
    for (const std::size_t count : {std::size_t{40000}, large}) {
        check_reductions(self, Op::sum, Dtype::f32, count, Where::private_memory);
        check_moves(self, Dtype::f32, count / 2, Where::private_memory, Where::private_memory);
        check_varying(self, Dtype::i32, count / 2, Where::private_memory, Where::private_memory);
    }
    const bool works = self.world.impl().node().group.has_peer_access();
    if (self.world.rank() == 0) fmt::print("{}\n", works ? "through the kernel" : "copied");
}

void forbid_peer_memory(unsigned error) {
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_writev, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
    check_syscall(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "give up new privileges");
    check_syscall(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "filter system calls");
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view what = argc > 1 ? argv[1] : "";
    if (argc > 3) forbid_peer_memory(static_cast<unsigned>(std::atoi(argv[3])));
    const auto job = Job::join();
    const Self self{job->world(), job->heap()};
    try {
        if (what == "reductions") check_all_reductions(self, false);
        if (what == "ordered") check_all_reductions(self, true);
        if (what == "moves") check_all_moves(self);
        if (what == "large") check_large(self);
        if (what == "private") check_private(self);
    } catch (const Error& error) {
        fmt::print(stderr, "{}\n", error.what());
        return 1;
    }
    if (self.world.rank() == 0 && what != "private") fmt::print("all {} are right\n", what);
    return 0;
}
