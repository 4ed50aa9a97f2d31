// The queue as operators see it.
#include "flowcontrol/core.h"

#include <algorithm>
#include <cstdio>

namespace epp::flowcontrol {
namespace {

Nanos waited(const Item* item, Nanos now) {
  return item == nullptr ? 0 : now - std::min(now, item->shown.enqueued_ns);
}

FlowView view_of(const Flow& flow, Nanos now) {
  FlowView view{.id = flow.id_text, .length = flow.length, .bytes = flow.bytes, .oldest_wait_ns = 0};
  for (std::size_t i = 0; i < flow.queue.size(); ++i)
    view.oldest_wait_ns = std::max(view.oldest_wait_ns, waited(&flow.queue.at(i), now));
  return view;
}

std::vector<FlowView> longest(const Band& band, std::size_t count, Nanos now) {
  std::vector<const Flow*> active;
  for (const auto& lane : band.lanes) {
    if (!lane) continue;
    for (const epp_flow* flow : lane->flows()) {
      if (flow != nullptr && flow->head != nullptr) active.push_back(static_cast<const Flow*>(flow));
    }
  }
  const std::size_t kept = std::min(count, active.size());
  std::partial_sort(active.begin(), active.begin() + static_cast<std::ptrdiff_t>(kept), active.end(),
                    [](const Flow* a, const Flow* b) {
                      return a->length != b->length ? a->length > b->length : a->id_text < b->id_text;
                    });
  std::vector<FlowView> views;
  views.reserve(kept);
  for (std::size_t i = 0; i < kept; ++i)
    views.push_back(view_of(*active[i], now));
  return views;
}

std::string closed_text(const BandView& band, double saturation) {
  char text[128];
  std::snprintf(text, sizeof text, "saturation %.4g reaches the ceiling %.4g of band %d", saturation, band.ceiling,
                band.priority);
  return text;
}

}  // namespace

void Core::describe(View& view, const Saturation& saturation, std::size_t longest_flows, Nanos now) const {
  view.length = waiting_.requests;
  view.bytes = waiting_.bytes;
  view.max_requests = options_.max_requests;
  view.max_bytes = options_.max_bytes;
  view.pool_empty = pool_empty_;
  view.saturation = saturation.effective;
  view.prefill_saturation = saturation.prefill;
  view.decode_saturation = saturation.decode;
  if (pool_empty_) view.closed_because = "the pool has no endpoints";
  bool open = true;
  for (const auto& band : bands_.all()) {
    BandView& entry = view.bands.emplace_back();
    entry.priority = band->priority();
    entry.length = band->waiting.requests;
    entry.bytes = band->waiting.bytes;
    entry.max_requests = band->options.max_requests;
    entry.max_bytes = band->options.max_bytes;
    entry.flows = band->flow_count();
    for (const auto& lane : band->lanes)
      entry.active_flows += lane ? lane->active_count() : 0;
    entry.oldest_wait_ns = waited(band->oldest(), now);
    entry.ceiling = band->ceiling;
    if (open && closes(*band, static_cast<std::size_t>(Needs::kBoth), saturation)) {
      open = false;
      if (view.closed_because.empty()) view.closed_because = closed_text(entry, saturation.effective);
    }
    entry.open = open;
    if (longest_flows != 0) entry.longest_flows = longest(*band, longest_flows, now);
  }
}

}  // namespace epp::flowcontrol
