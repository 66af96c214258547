// SPDX-License-Identifier: Apache-2.0
// PMIx: any launcher that has a server of it, by the library's own headers.
#include <pmix.h>

#include <cstdlib>
#include <cstring>

#include "launcher/bootstrap/backends.hpp"
#include "launcher/bootstrap/libraries.hpp"

namespace ipcrun {

namespace {

constexpr std::string_view means = "PMIx";
constexpr char card_key[] = "ipcrun-card";

struct Functions {
    decltype(&PMIx_Init) init;
    decltype(&PMIx_Finalize) finalize;
    decltype(&PMIx_Put) put;
    decltype(&PMIx_Commit) commit;
    decltype(&PMIx_Fence) fence;
    decltype(&PMIx_Get) get;
    decltype(&PMIx_Error_string) describe;

    explicit Functions(const LoadedLibrary& library) {
        library.find(init, "PMIx_Init");
        library.find(finalize, "PMIx_Finalize");
        library.find(put, "PMIx_Put");
        library.find(commit, "PMIx_Commit");
        library.find(fence, "PMIx_Fence");
        library.find(get, "PMIx_Get");
        library.find(describe, "PMIx_Error_string");
    }

    void require(pmix_status_t status, std::string_view what) const {
        if (status != PMIX_SUCCESS)
            fail(ErrorCode::config,
                 "{}: {} failed: {}; in a step of Slurm, IPCRUN_BOOTSTRAP=pmi1 does without it",
                 means, what, describe(status));
    }
};

// The header's macros for all this call functions of the library, which is not linked.
struct FreeValue {
    void operator()(pmix_value_t* value) const {
        if (value->type == PMIX_BYTE_OBJECT) std::free(value->data.bo.bytes);
        if (value->type == PMIX_STRING) std::free(value->data.string);
        std::free(value);
    }
};
using Value = std::unique_ptr<pmix_value_t, FreeValue>;

class Pmix final : public Bootstrap {
  public:
    explicit Pmix(Terms terms) : terms_(std::move(terms)), pmix_(LoadedLibrary(pmix_library)) {
        const Guard guard = terms_.guard_server(means);
        pmix_.require(pmix_.init(&self_, nullptr, 0), "PMIx_Init");
        // Without its server the library takes a process for the only one.
        const auto told = lookup_in_process()("PMIX_NAMESPACE");
        if (told != self_.nspace)
            fail(ErrorCode::config,
                 "{}: the library says that this is a process of '{}', and PMIX_NAMESPACE is {}: "
                 "its server cannot be reached",
                 means, self_.nspace, told.value_or("not set"));
        const Value size = get(PMIX_RANK_WILDCARD, PMIX_JOB_SIZE);
        if (size->type != PMIX_UINT32)
            fail(ErrorCode::protocol, "{}: the size of the job is no number", means);
        size_ = static_cast<int>(size->data.uint32);
    }
    ~Pmix() override {
        const Guard guard = terms_.guard_server(means);
        (void)pmix_.finalize(nullptr, 0);  // all is done, whatever it says
    }
    int rank() const override { return static_cast<int>(self_.rank); }
    int size() const override { return size_; }
    std::vector<std::string> exchange(const std::string& card) override {
        const Guard guard = terms_.guard_meeting(means, size_);
        put_card(card);
        fence();
        std::vector<std::string> cards;
        for (int of = 0; of < size_; ++of) {
            const Value value = get(static_cast<pmix_rank_t>(of), card_key);
            if (value->type != PMIX_BYTE_OBJECT)
                fail(ErrorCode::protocol, "{}: the card of task {} is of another type", means, of);
            // Behind it is a byte of ours: an empty card would be none to the library.
            const auto& bytes = value->data.bo;
            if (bytes.size == 0 || bytes.size > card_bytes_max + 1)
                fail(ErrorCode::protocol, "{}: the card of task {} has {} bytes", means, of,
                     bytes.size);
            cards.emplace_back(bytes.bytes, bytes.size - 1);
        }
        return cards;
    }

  private:
    Value get(pmix_rank_t of, const char* key) const {
        pmix_proc_t process = self_;
        process.rank = of;
        pmix_value_t* value = nullptr;
        pmix_.require(pmix_.get(&process, key, nullptr, 0, &value), "PMIx_Get");
        return Value(value);
    }
    void put_card(std::string card) const {
        card.push_back('\0');
        pmix_value_t value = {};
        value.type = PMIX_BYTE_OBJECT;
        value.data.bo.bytes = card.data();
        value.data.bo.size = card.size();
        pmix_.require(pmix_.put(PMIX_GLOBAL, card_key, &value), "PMIx_Put");
        pmix_.require(pmix_.commit(), "PMIx_Commit");
    }
    // With all that was put, so that no card has to be asked for.
    void fence() const {
        pmix_info_t wish = {};
        std::strncpy(wish.key, PMIX_COLLECT_DATA, sizeof wish.key - 1);
        wish.value.type = PMIX_BOOL;
        wish.value.data.flag = true;
        pmix_.require(pmix_.fence(nullptr, 0, &wish, 1), "PMIx_Fence");
    }

    Terms terms_;
    Functions pmix_;
    pmix_proc_t self_ = {};
    int size_ = 0;
};

}  // namespace

std::unique_ptr<Bootstrap> open_pmix(Terms terms) {
    return std::make_unique<Pmix>(std::move(terms));
}

}  // namespace ipcrun
