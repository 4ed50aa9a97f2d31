#include "kube/field.h"
#include "kube/rfc3339.h"

#include <algorithm>
#include <utility>

namespace epp::kube {
namespace {

// A whole copy of the object, of use to nobody but kubectl.
constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

}  // namespace

Metadata read_metadata(const Field& object) {
  const Field meta = object["metadata"];
  Metadata view;
  view.name = meta["name"].required_text();
  view.name_space = meta["namespace"].text();
  view.uid = meta["uid"].text();
  view.resource_version = meta["resourceVersion"].text();
  view.labels = meta["labels"].labels();
  view.annotations = meta["annotations"].labels();
  std::erase_if(view.annotations, [](const auto& annotation) { return annotation.first == kLastApplied; });
  const Field created = meta["creationTimestamp"];
  if (created.present()) {
    const auto when = parse_rfc3339(created.text());
    if (!when) created.fail("must be an RFC 3339 time");
    view.created_ns = *when;
  }
  const Field deleted = meta["deletionTimestamp"];
  view.deleting = deleted.present() && !deleted.text().empty();
  return view;
}

PoolRef read_pool_ref(const Field& ref) {
  PoolRef view;
  if (const Field group = ref["group"]; group.present()) view.group = group.text();
  if (const Field kind = ref["kind"]; kind.present()) view.kind = kind.text();
  view.name = ref["name"].required_text();
  return view;
}

}  // namespace epp::kube
