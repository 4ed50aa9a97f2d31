// Requests that were let through and that the figures of the pool do not show yet. A detector adds them to what it
// reads, so that any number of dispatches against one reading does not overshoot.
//
//   dispatched --> undecided --scheduled--> unseen at its endpoint --a later reading--> seen
//                      \-------------------------\---------- the ticket ends ----------\--> nothing
#pragma once

#include "flowcontrol/intrusive_list.h"
#include "flowcontrol/item.h"
#include "flowcontrol/outcome.h"

#include <epp/abi.h>
#include <epp/ext/saturation_detector.h>

#include <array>
#include <cstdint>
#include <vector>

namespace epp::endpoints {
class Snapshot;
}

namespace epp::flowcontrol {

enum class Stage : std::uint8_t { kPrefill, kDecode };

struct Reservation {
  enum class State : std::uint8_t { kNone, kUndecided, kUnseen };

  State state = State::kNone;
  Needs needs = Needs::kBoth;
  std::uint32_t slot = 0;
  std::int64_t tokens = 0;
  std::uint64_t uid = 0;
  Nanos since = 0;
  Link<Reservation> at_slot;
};

class Reservations {
 public:
  // `asked_time` is the column that tells when the last reading of an endpoint was asked for (not when it came: what
  // was placed in between may not be in it); EPP_ATTR_NONE when there is none.
  explicit Reservations(epp_attr asked_time) : asked_time_(asked_time) {}

  void add(Reservation& reservation, Needs needs, std::int64_t tokens);
  // Its endpoint is known.
  void place(Reservation& reservation, std::uint32_t slot, std::uint64_t uid, Nanos now);
  // Returns whether there was anything to give back.
  bool release(Reservation& reservation);

  // Forgets what the readings of this snapshot show, or whose endpoint is gone. Costs nothing for a snapshot that was
  // looked at before.
  void look(const endpoints::Snapshot& snapshot);

  // As a detector is shown them: all, or those of requests that pass a stage. Valid until the next change.
  epp_reservations shown() const;
  epp_reservations shown(Stage stage) const;

  std::uint64_t undecided() const;
  std::uint64_t unseen() const { return unseen_total_; }

 private:
  using List = IntrusiveList<Reservation, &Reservation::at_slot>;
  struct Undecided {
    std::uint64_t requests = 0;
    std::int64_t tokens = 0;
  };
  void drop_unseen(Reservation& reservation);
  epp_reservations show(std::initializer_list<Needs> needs) const;

  const epp_attr asked_time_;
  std::uint64_t looked_at_ = 0;  // generation
  std::array<Undecided, kNeedsCount> undecided_{};
  // By slot, as long as the largest slot limit that was seen.
  std::vector<std::uint32_t> unseen_;
  std::vector<List> lists_;
  std::vector<std::uint32_t> touched_;  // slots whose list may have entries
  std::uint64_t unseen_total_ = 0;
};

}  // namespace epp::flowcontrol
