// SPDX-License-Identifier: Apache-2.0
// PMI-2: the library speaks to whoever has started this process, by the descriptor PMI_FD.
#include <array>
#include <string>

#include "base/text.hpp"
#include "launcher/bootstrap/backends.hpp"
#include "launcher/bootstrap/key_value_store.hpp"
#include "launcher/bootstrap/libraries.hpp"

namespace ipcrun {

namespace {

constexpr std::string_view means = "PMI-2";
// PMI2_MAX_VALLEN, with the zero at the end.
constexpr int value_bytes_max = 1024;
constexpr int any_source = -1;  // PMI2_ID_NULL

// As <slurm/pmi2.h> declares them; 0 is success.
struct Functions {
    int (*init)(int* spawned, int* size, int* rank, int* application);
    int (*finalize)();
    int (*get_job)(char job[], int bytes);
    int (*put)(const char key[], const char value[]);
    int (*fence)();
    int (*get)(const char* job, int source, const char key[], char value[], int bytes, int* length);

    explicit Functions(const LoadedLibrary& library) {
        library.find(init, "PMI2_Init");
        library.find(finalize, "PMI2_Finalize");
        library.find(get_job, "PMI2_Job_GetId");
        library.find(put, "PMI2_KVS_Put");
        library.find(fence, "PMI2_KVS_Fence");
        library.find(get, "PMI2_KVS_Get");
    }
};

void require(int result, std::string_view what) {
    if (result != 0)
        fail(ErrorCode::config,
             "{}: {} failed with {}; in a step of Slurm, IPCRUN_BOOTSTRAP=pmi1 does without it",
             means, what, result);
}

class Pmi2 final : public Bootstrap, KeyValueStore {
  public:
    explicit Pmi2(Terms terms) : terms_(std::move(terms)), pmi_(LoadedLibrary(pmi2_library)) {
        const Guard guard = terms_.guard_server(means);
        // The library would die of it.
        if (!is_connected_socket(lookup_in_process()("PMI_FD").value_or("")))
            fail(ErrorCode::config,
                 "{}: PMI_FD is closed: one program of each task may use it; in a step of Slurm, "
                 "IPCRUN_BOOTSTRAP=pmi1 does without it",
                 means);
        int spawned = 0, application = 0;
        require(pmi_.init(&spawned, &size_, &rank_, &application), "PMI2_Init");
        const auto told = lookup_in_process()("PMI_SIZE");
        if (told && parse_number<int>(*told) != size_)
            fail(ErrorCode::config, "{}: it says that there are {} tasks, and PMI_SIZE is {}",
                 means, size_, excerpt(*told));
        require(pmi_.get_job(job_.data(), static_cast<int>(job_.size())), "PMI2_Job_GetId");
    }
    ~Pmi2() override {
        const Guard guard = terms_.guard_server(means);
        (void)pmi_.finalize();  // all is done, whatever it says
    }
    int rank() const override { return rank_; }
    int size() const override { return size_; }
    std::vector<std::string> exchange(const std::string& card) override {
        const Guard guard = terms_.guard_meeting(means, size_);
        return exchange_cards(*this, rank_, size_, card, value_bytes_max - 1);
    }

  private:
    void put(const std::string& key, const std::string& value) override {
        require(pmi_.put(key.c_str(), value.c_str()), "PMI2_KVS_Put");
    }
    void fence() override { require(pmi_.fence(), "PMI2_KVS_Fence"); }
    std::string get(const std::string& key) override {
        std::array<char, 2 * value_bytes_max> value = {};
        int length = 0;
        require(pmi_.get(job_.data(), any_source, key.c_str(), value.data(),
                         static_cast<int>(value.size() - 1), &length),
                "PMI2_KVS_Get");
        return value.data();
    }

    Terms terms_;
    Functions pmi_;
    int rank_ = 0, size_ = 0;
    std::array<char, value_bytes_max> job_ = {};
};

}  // namespace

std::unique_ptr<Bootstrap> open_pmi2(Terms terms) {
    return std::make_unique<Pmi2>(std::move(terms));
}

}  // namespace ipcrun
