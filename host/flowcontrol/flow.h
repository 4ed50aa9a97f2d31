// The requests of one fairness id in one band.
#pragma once

#include "flowcontrol/flow_queue.h"
#include "flowcontrol/intrusive_list.h"
#include "flowcontrol/outcome.h"

#include <epp/ext/flow_control.h>

#include <cstdint>
#include <string>

namespace epp::flowcontrol {

class Lane;

// Its base is what the fairness policy is shown, kept up to date in place.
struct Flow : epp_flow {
  Flow(std::string name, const plugins::Instance* comparator)
      : epp_flow{}, id_text(std::move(name)), queue(comparator) {}

  std::string id_text;  // `id` points here
  FlowQueue queue;
  Lane* lane = nullptr;
  // Requests that wait, and dispatched ones whose use is not settled yet. A flow without any is idle: it stands in its
  // lane's list and is forgotten some day.
  std::uint64_t users = 0;
  Nanos idle_since = 0;
  Link<Flow> by_idleness;
};

}  // namespace epp::flowcontrol
