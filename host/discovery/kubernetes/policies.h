// What operators say about requests of one pool: fills the tables from the objects that name it.
//
// An object counts when its poolRef names the pool by group, kind and name and it is not being deleted, as long as
// there is a pool. The objects themselves are kept beyond that: a pool that comes back has them at once.
//
// Not thread-safe.
#pragma once

#include "kube/objects.h"
#include "objectives/objective_table.h"
#include "objectives/rewrite_table.h"

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace epp::discovery {

class Policies {
 public:
  template <class T>
  using Objects = std::map<std::string, T, std::less<>>;
  // Told every model name of the rules that are about to take effect.
  using Models = std::function<void(const std::vector<std::string>&)>;

  Policies(objectives::ObjectiveTable& objectives, objectives::RewriteTable& rewrites, kube::PoolRef pool,
           Models models);

  // The objects of a kind are these now.
  void set_objectives(const Objects<kube::InferenceObjective>& all);
  void set_rewrites(const Objects<kube::InferenceModelRewrite>& all);
  void set_pool_present(bool present);

  // That name the pool.
  [[nodiscard]] std::size_t objectives() const { return objectives_.size(); }
  [[nodiscard]] std::size_t rewrites() const { return rewrites_.size(); }

 private:
  [[nodiscard]] bool ours(const kube::Metadata& meta, const kube::PoolRef& ref) const;
  void publish_objectives();
  void publish_rewrites();

  objectives::ObjectiveTable& objective_table_;
  objectives::RewriteTable& rewrite_table_;
  const kube::PoolRef pool_;
  const Models models_;
  bool pool_present_ = false;
  std::vector<objectives::Objective> objectives_;
  std::vector<objectives::ModelRewrite> rewrites_;
};

}  // namespace epp::discovery
