// What is asked of an instance without a request.
#include "check/actor.h"

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

namespace epp::check {

namespace {

constexpr size_t kModestDump = 256 * 1024;

}  // namespace

void Actor::look(const Scene& scene) {
  meter_.scene(scene.endpoints, describe(scene));
  snapshot_ = stage_.table().snapshot();
  choose(scene.endpoints);
  if (instance_->detector != nullptr) {
    detect(nullptr);
    std::vector<uint32_t> unseen(static_cast<size_t>(candidates_.slot_limit) + 1);
    for (uint32_t& count : unseen)
      count = static_cast<uint32_t>(random_.below(4));
    epp_reservations reservations{};
    reservations.size = sizeof reservations;
    reservations.undecided = random_.below(100);
    reservations.undecided_tokens = static_cast<int64_t>(random_.below(100'000));
    reservations.unseen = random_.one_in(2) ? unseen.data() : nullptr;
    detect(&reservations);
  }
  if (instance_->readiness != nullptr) {
    uint32_t ready = 0;
    const Function function{EPP_EXT_READINESS " ready"};
    if (meter_.call(function, [&] { ready = instance_->readiness->ready(instance_->raw()); }) && ready > 1) {
      meter_.fail("calls.range", function, "answered " + std::to_string(ready) + ", which is neither 0 nor 1");
    }
  }
  if (instance_->state_dump != nullptr) dump_state();
}

void Actor::dump_state() {
  const Function function{EPP_EXT_STATE_DUMP " dump"};
  std::string text;
  epp_status status = EPP_OK;
  const auto sink = [](void* context, epp_str piece) {
    if (piece.size != 0) static_cast<std::string*>(context)->append(piece.data, piece.size);
  };
  const bool returned = meter_.call(
      function, [&] { status = instance_->state_dump->dump(instance_->raw(), sink, &text, meter_.error().next()); });
  if (!returned || !meter_.judge_status(function, status)) return;
  if (!nlohmann::json::accept(text)) {
    meter_.fail("calls.text", function, "gave what is no JSON value: " + text.substr(0, 80));
  } else if (text.size() > kModestDump) {
    meter_.warn("calls.text", function, "gave " + std::to_string(text.size() / 1024) + " KB");
  }
}

}  // namespace epp::check
