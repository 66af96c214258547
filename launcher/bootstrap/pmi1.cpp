// SPDX-License-Identifier: Apache-2.0
// PMI-1 of Slurm: the library speaks to srun itself, so any step has it.
#include <array>
#include <cstdlib>

#include "launcher/bootstrap/backends.hpp"
#include "launcher/bootstrap/key_value_store.hpp"
#include "launcher/bootstrap/libraries.hpp"
#include "launcher/bootstrap/slurm_step.hpp"

namespace ipcrun {

namespace {

constexpr std::string_view means = "PMI-1 of Slurm";

// As <slurm/pmi.h> declares them; 0 is success.
struct Functions {
    int (*init)(int* spawned);
    int (*finalize)();
    int (*get_size)(int* size);
    int (*get_rank)(int* rank);
    int (*get_name)(char name[], int length);
    int (*get_name_length_max)(int* length);
    int (*get_value_length_max)(int* length);
    int (*put)(const char name[], const char key[], const char value[]);
    int (*commit)(const char name[]);
    int (*barrier)();
    int (*get)(const char name[], const char key[], char value[], int length);

    explicit Functions(const LoadedLibrary& library) {
        library.find(init, "PMI_Init");
        library.find(finalize, "PMI_Finalize");
        library.find(get_size, "PMI_Get_size");
        library.find(get_rank, "PMI_Get_rank");
        library.find(get_name, "PMI_KVS_Get_my_name");
        library.find(get_name_length_max, "PMI_KVS_Get_name_length_max");
        library.find(get_value_length_max, "PMI_KVS_Get_value_length_max");
        library.find(put, "PMI_KVS_Put");
        library.find(commit, "PMI_KVS_Commit");
        library.find(barrier, "PMI_Barrier");
        library.find(get, "PMI_KVS_Get");
    }
};

void require(int result, std::string_view what) {
    if (result != 0)
        fail(ErrorCode::config, "{}: {} failed with {}; IPCRUN_BOOTSTRAP=slurm does without it",
             means, what, result);
}

class Pmi1 final : public Bootstrap, KeyValueStore {
  public:
    Pmi1(Terms terms, const SlurmStep& step)
        : terms_(std::move(terms)), pmi_(LoadedLibrary(pmi1_library)) {
        // srun would be overrun by all at once, so it tells each task to wait for as many times
        // this as its rank says; half a millisecond, where nobody has said (microseconds).
        (void)::setenv("PMI_TIME", "50", 0);
        const Guard guard = terms_.guard_server(means);
        int spawned = 0, length = 0;
        require(pmi_.init(&spawned), "PMI_Init");
        require(pmi_.get_size(&size_), "PMI_Get_size");
        require(pmi_.get_rank(&rank_), "PMI_Get_rank");
        // Without its variables the library takes a process for the only one.
        if (size_ != step.size || rank_ != step.rank)
            fail(ErrorCode::config,
                 "{}: it says that this is task {} of {}, and the variables of step {} say {} of "
                 "{}; IPCRUN_BOOTSTRAP=slurm does without it",
                 means, rank_, size_, step.name, step.rank, step.size);
        require(pmi_.get_name_length_max(&length), "PMI_KVS_Get_name_length_max");
        name_.resize(static_cast<std::size_t>(length) + 1);
        require(pmi_.get_name(name_.data(), length), "PMI_KVS_Get_my_name");
        require(pmi_.get_value_length_max(&length), "PMI_KVS_Get_value_length_max");
        value_.resize(static_cast<std::size_t>(length) + 1);
    }
    ~Pmi1() override {
        const Guard guard = terms_.guard_server(means);
        (void)pmi_.finalize();  // all is done, whatever it says
    }
    int rank() const override { return rank_; }
    int size() const override { return size_; }
    std::vector<std::string> exchange(const std::string& card) override {
        const Guard guard = terms_.guard_meeting(means, size_);
        return exchange_cards(*this, rank_, size_, card, value_.size() - 2);
    }

  private:
    void put(const std::string& key, const std::string& value) override {
        require(pmi_.put(name_.data(), key.c_str(), value.c_str()), "PMI_KVS_Put");
    }
    void fence() override {
        require(pmi_.commit(name_.data()), "PMI_KVS_Commit");
        require(pmi_.barrier(), "PMI_Barrier");
    }
    std::string get(const std::string& key) override {
        require(
            pmi_.get(name_.data(), key.c_str(), value_.data(), static_cast<int>(value_.size() - 1)),
            "PMI_KVS_Get");
        return value_.data();
    }

    Terms terms_;
    Functions pmi_;
    int rank_ = 0, size_ = 0;
    std::vector<char> name_, value_;  // with a zero behind them
};

}  // namespace

std::unique_ptr<Bootstrap> open_pmi1(Terms terms) {
    const auto step = find_slurm_step(lookup_in_process());
    if (!step) fail(ErrorCode::config, "{}: this process is no task of a step", means);
    return std::make_unique<Pmi1>(std::move(terms), *step);
}

}  // namespace ipcrun
