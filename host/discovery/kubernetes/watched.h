// One collection of the API server: the reflector that follows it and the store that it fills.
#pragma once

#include "kube/reflector.h"
#include "kube/store.h"

#include <utility>

namespace epp::discovery {

template <class T>
class Watched {
 public:
  using Store = kube::Store<T>;

  Watched(kube::Client& client, net::IoPool& pool, kube::ReflectorOptions options, typename Store::Reader reader,
          typename Store::Listener listener, kube::ReflectorObserver* observer,
          kube::Spoilt spoilt = kube::Spoilt::kDropped)
      : store_(options.resource, reader, std::move(listener), observer, spoilt),
        reflector_(client, pool, std::move(options), store_, observer) {}

  void start() { reflector_.start(); }
  [[nodiscard]] bool synced() const { return reflector_.synced(); }
  [[nodiscard]] bool watching() const { return reflector_.watching(); }

 private:
  Store store_;
  kube::Reflector reflector_;  // its end waits for what it is telling the store
};

}  // namespace epp::discovery
