#include "flowcontrol/reservations.h"

#include "endpoints/snapshot.h"

#include <algorithm>

namespace epp::flowcontrol {

void Reservations::add(Reservation& reservation, Needs needs, std::int64_t tokens) {
  reservation.state = Reservation::State::kUndecided;
  reservation.needs = needs;
  reservation.tokens = tokens;
  Undecided& sum = undecided_[static_cast<std::size_t>(needs)];
  ++sum.requests;
  sum.tokens += tokens;
}

void Reservations::place(Reservation& reservation, std::uint32_t slot, std::uint64_t uid, Nanos now) {
  if (!release(reservation)) return;
  reservation.state = Reservation::State::kUnseen;
  reservation.slot = slot;
  reservation.uid = uid;
  reservation.since = now;
  if (slot >= lists_.size()) {
    lists_.resize(slot + std::size_t{1});
    unseen_.resize(slot + std::size_t{1});
  }
  if (lists_[slot].empty()) touched_.push_back(slot);
  lists_[slot].push_back(reservation);
  ++unseen_[slot];
  ++unseen_total_;
}

void Reservations::drop_unseen(Reservation& reservation) {
  lists_[reservation.slot].remove(reservation);
  --unseen_[reservation.slot];
  --unseen_total_;
  reservation.state = Reservation::State::kNone;
}

bool Reservations::release(Reservation& reservation) {
  switch (reservation.state) {
    case Reservation::State::kNone:
      return false;
    case Reservation::State::kUndecided: {
      Undecided& sum = undecided_[static_cast<std::size_t>(reservation.needs)];
      --sum.requests;
      sum.tokens -= reservation.tokens;
      reservation.state = Reservation::State::kNone;
      break;
    }
    case Reservation::State::kUnseen:
      drop_unseen(reservation);
      break;
  }
  return true;
}

void Reservations::look(const endpoints::Snapshot& snapshot) {
  if (snapshot.slot_limit() > unseen_.size()) {
    lists_.resize(snapshot.slot_limit());
    unseen_.resize(snapshot.slot_limit());
  }
  if (snapshot.generation() == looked_at_) return;
  looked_at_ = snapshot.generation();
  const std::int64_t* const asked_at = snapshot.i64(asked_time_);
  const auto endpoints = snapshot.endpoints();
  std::erase_if(touched_, [&](std::uint32_t slot) {
    List& list = lists_[slot];
    const epp_endpoint* const endpoint = slot < endpoints.size() ? endpoints[slot] : nullptr;
    const std::int64_t asked = endpoint != nullptr ? asked_at[slot] : EPP_I64_MISSING;
    for (Reservation* entry = list.front(); entry != nullptr;) {
      Reservation* const next = List::after(*entry);
      const bool gone = endpoint == nullptr || endpoint->uid != entry->uid;
      const bool seen = asked != EPP_I64_MISSING && asked > static_cast<std::int64_t>(entry->since);
      if (gone || seen) drop_unseen(*entry);
      entry = next;
    }
    return list.empty();
  });
}

epp_reservations Reservations::show(std::initializer_list<Needs> needs) const {
  epp_reservations shown{.size = sizeof(epp_reservations),
                         .reserved = 0,
                         .undecided = 0,
                         .undecided_tokens = 0,
                         .unseen = unseen_total_ == 0 ? nullptr : unseen_.data()};
  for (const Needs need : needs) {
    shown.undecided += undecided_[static_cast<std::size_t>(need)].requests;
    shown.undecided_tokens += undecided_[static_cast<std::size_t>(need)].tokens;
  }
  return shown;
}

epp_reservations Reservations::shown() const {
  return show({Needs::kBoth, Needs::kPrefill, Needs::kDecode});
}

epp_reservations Reservations::shown(Stage stage) const {
  return stage == Stage::kPrefill ? show({Needs::kBoth, Needs::kPrefill}) : show({Needs::kBoth, Needs::kDecode});
}

std::uint64_t Reservations::undecided() const {
  return shown().undecided;
}

}  // namespace epp::flowcontrol
