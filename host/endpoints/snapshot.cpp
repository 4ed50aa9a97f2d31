#include "endpoints/snapshot.h"

#include "endpoints/column.h"

#include <utility>

namespace epp::endpoints {

Snapshot::Snapshot(uint64_t generation, std::shared_ptr<const Membership> membership,
                   std::vector<std::shared_ptr<const Column>> columns)
    : generation_(generation), membership_(std::move(membership)), columns_(std::move(columns)) {}

Snapshot::~Snapshot() = default;

SnapshotPtr Snapshot::with(epp_attr attr, std::shared_ptr<const Column> column) const {
  auto columns = columns_;
  if (attr >= columns.size()) columns.resize(attr + size_t{1});
  columns[attr] = std::move(column);
  return std::make_shared<const Snapshot>(generation_, membership_, std::move(columns));
}

const Endpoint* Snapshot::find(std::string_view id) const {
  for (const uint32_t slot : membership_->slots) {
    if (membership_->owners[slot]->id() == id) return membership_->owners[slot].get();
  }
  return nullptr;
}

const Column* Snapshot::column(epp_attr attr, uint32_t type) const {
  const Column* column = attr < columns_.size() ? columns_[attr].get() : nullptr;
  return column != nullptr && column->type() == type ? column : nullptr;
}

const double* Snapshot::f64(epp_attr attr) const {
  const Column* found = column(attr, EPP_TYPE_F64);
  return found ? found->f64() : Column::missing_f64();
}

const int64_t* Snapshot::i64(epp_attr attr) const {
  const Column* found = column(attr, EPP_TYPE_I64);
  return found ? found->i64() : Column::missing_i64();
}

const epp_str* Snapshot::str(epp_attr attr) const {
  const Column* found = column(attr, EPP_TYPE_STR);
  return found ? found->str() : Column::missing_str();
}

const epp_str_list* Snapshot::str_list(epp_attr attr) const {
  const Column* found = column(attr, EPP_TYPE_STR_LIST);
  return found ? found->str_list() : Column::missing_str_list();
}

const epp_bytes* Snapshot::bytes(epp_attr attr) const {
  const Column* found = column(attr, EPP_TYPE_BYTES);
  return found ? found->bytes() : Column::missing_bytes();
}

}  // namespace epp::endpoints
