// SPDX-License-Identifier: Apache-2.0
// One task of those that somebody has started side by side: meets the others, and prints its rank,
// their number, a sum over all cards (the same for all who have the same ones), how it was done,
// and the time that it took.
//     exchange_cards [BYTES [SECONDS]]     a card of so many bytes; how long it may take
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/hash.hpp"
#include "launcher/bootstrap/bootstrap.hpp"

using namespace ipcrun;

namespace {

// All bytes occur, and each rank has others.
std::string make_card(int rank, std::size_t bytes) {
    std::string card;
    for (std::size_t i = 0; i < bytes; ++i) card.push_back(static_cast<char>(7 * rank + 3 * i));
    return card;
}

void say(const Error& error) {
    fmt::print(stderr, "exchange_cards: {}: {}\n", name_of(error.code), error.what());
}

void run(std::size_t bytes, Seconds patience) {
    const auto begin = Clock::now();
    const auto choice = choose_bootstrap(lookup_in_process(), can_load_library);
    int rank = 0, size = 0;
    std::vector<std::string> cards;
    {
        const auto bootstrap = open_bootstrap(choice.kind, Deadline::after(patience), say);
        rank = bootstrap->rank();
        size = bootstrap->size();
        cards = bootstrap->exchange(make_card(rank, bytes));
    }
    Hash hash;
    for (std::size_t of = 0; of < cards.size(); ++of) {
        if (cards[of] != make_card(static_cast<int>(of), bytes))
            throw Error(ErrorCode::internal, fmt::format("the card of {} is another one", of));
        hash.add(cards[of]);
    }
    const Seconds time = Clock::now() - begin;
    // In one piece: srun mixes what tasks print.
    const std::string line = fmt::format("{} {} {:016x} {} {:.1f} ms\n", rank, size, hash.value(),
                                         name_of(choice.kind), 1e3 * time.count());
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) std::perror("exchange_cards");
}

}  // namespace

int main(int argc, char** argv) {
    try {
        run(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100,
            Seconds(argc > 2 ? std::strtod(argv[2], nullptr) : 60.0));
    } catch (const Error& error) {
        say(error);
        return 1;
    }
}
