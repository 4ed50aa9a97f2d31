#include "flowcontrol/pool_gauge.h"

#include "endpoints/attributes.h"
#include "endpoints/column.h"
#include "endpoints/endpoint_table.h"
#include "endpoints/snapshot.h"
#include "plugins/hooks.h"

#include <epp/keys.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace epp::flowcontrol {
namespace {

constexpr std::string_view kRoleLabel = "llm-d.ai/role";

struct Stages {
  bool prefill = false;
  bool decode = false;
};

Stages stages_of(const endpoints::Endpoint& endpoint) {
  const std::string* const label = endpoint.label(kRoleLabel);
  const std::string_view role = label != nullptr ? std::string_view(*label) : std::string_view();
  if (role.empty() || role == "decode") return {.decode = true};
  if (role == "prefill" || role == "encode-prefill") return {.prefill = true};
  if (role == "prefill-decode" || role == "both" || role == "encode-prefill-decode")
    return {.prefill = true, .decode = true};
  return {};
}

}  // namespace

PoolGauge::PoolGauge(plugins::InstancePtr detector, const endpoints::EndpointTable& table,
                     endpoints::AttributeRegistry& attributes, Nanos hold_stale_ns)
    : detector_(std::move(detector)),
      table_(table),
      update_time_(attributes.intern(EPP_KEY_UPDATE_TIME, EPP_TYPE_I64, endpoints::Storage::kSnapshot)),
      hold_stale_ns_(hold_stale_ns),
      reservations_(attributes.intern(endpoints::kAskedTimeKey, EPP_TYPE_I64, endpoints::Storage::kSnapshot)) {}

PoolGauge::~PoolGauge() = default;

bool PoolGauge::pool_empty() const {
  return table_.snapshot()->empty();
}

void PoolGauge::partition(const endpoints::Snapshot& snapshot) {
  // Owners are compared, not addresses: those may be used again.
  const auto& members = snapshot.membership();
  if (!members_.owner_before(members) && !members.owner_before(members_)) return;
  members_ = members;
  whole_.slots.assign(snapshot.slots().begin(), snapshot.slots().end());
  prefill_.slots.clear();
  decode_.slots.clear();
  for (const std::uint32_t slot : snapshot.slots()) {
    const Stages stages = stages_of(*snapshot.endpoint(slot));
    if (stages.prefill) prefill_.slots.push_back(slot);
    if (stages.decode) decode_.slots.push_back(slot);
  }
}

PoolGauge::SnapshotPtr PoolGauge::rejuvenated(const SnapshotPtr& snapshot, Nanos now) {
  auto column = std::make_shared<endpoints::Column>(EPP_TYPE_I64, snapshot->slot_limit());
  const std::int64_t* const read_at = snapshot->i64(update_time_);
  for (const std::uint32_t slot : snapshot->slots()) {
    if (read_at[slot] == EPP_I64_MISSING) continue;
    const auto shifted = read_at[slot] + static_cast<std::int64_t>(hold_stale_ns_);
    column->set_i64(slot, std::min(shifted, std::max(static_cast<std::int64_t>(now), read_at[slot])));
  }
  return snapshot->with(update_time_, std::move(column));
}

double PoolGauge::ask(Part& part, const endpoints::Snapshot& snapshot, const epp_reservations& reservations) {
  epp_candidates candidates{};
  candidates.size = sizeof(candidates);
  candidates.count = static_cast<std::uint32_t>(part.slots.size());
  candidates.slots = part.slots.data();
  candidates.endpoints = snapshot.endpoints().data();
  candidates.slot_limit = snapshot.slot_limit();
  candidates.snapshot = &snapshot;
  std::uint64_t again_ns = 0;
  part.last = plugins::run_detector(*detector_, candidates, error_, part.last, &reservations, again_ns);
  if (again_ns != 0) look_again_ns_ = look_again_ns_ == 0 ? again_ns : std::min(look_again_ns_, again_ns);
  return part.last;
}

Saturation PoolGauge::read(Nanos now) {
  SnapshotPtr snapshot = table_.snapshot();
  partition(*snapshot);
  reservations_.look(*snapshot);
  if (hold_stale_ns_ != 0) snapshot = rejuvenated(snapshot, now);
  look_again_ns_ = 0;

  Saturation result;
  if (!prefill_.slots.empty()) result.prefill = ask(prefill_, *snapshot, reservations_.shown(Stage::kPrefill));
  if (!decode_.slots.empty()) result.decode = ask(decode_, *snapshot, reservations_.shown(Stage::kDecode));
  if (result.prefill || result.decode) {
    result.effective = std::max(result.prefill.value_or(0), result.decode.value_or(0));
  } else {
    result.effective = ask(whole_, *snapshot, reservations_.shown());
    if (snapshot->empty()) result.effective = std::max(result.effective, 1.0);
  }
  return result;
}

}  // namespace epp::flowcontrol
