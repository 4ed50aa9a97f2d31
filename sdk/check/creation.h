// create and destroy of an instance, watched.
#pragma once

#include "check/stage.h"

#include <epp/abi.h>

#include <cstddef>

namespace epp::check {

// A copy of a type descriptor whose create calls the original one with a watching host, and judges what it does.
class WatchedType {
 public:
  WatchedType(const epp_type& original, Stage& stage, bool judge_tables);
  const epp_type& descriptor() const { return block_.type; }
  // The host took the instance, or refused it and destroyed what there was.
  void finished(bool taken);

 private:
  struct Block {
    epp_type type;
    WatchedType* owner;
  };
  static epp_status create(const epp_type* type, const epp_create_args* args, epp_instance** instance,
                           epp_error* error);
  epp_status run(const epp_create_args& args, epp_instance** instance, epp_error* error);

  Block block_{};
  const epp_type& original_;
  Stage& stage_;
  bool judge_tables_;
  epp_self* self_ = nullptr;
};

// While instances are destroyed: what they leave behind afterwards is reported when it goes.
class Destruction {
 public:
  explicit Destruction(Stage& stage);
  ~Destruction();
  Destruction(const Destruction&) = delete;
  Destruction& operator=(const Destruction&) = delete;

 private:
  Stage& stage_;
};

// While one lives, create is given no error buffer.
class NoErrorBuffer {
 public:
  NoErrorBuffer() { active_ = true; }
  ~NoErrorBuffer() { active_ = false; }
  NoErrorBuffer(const NoErrorBuffer&) = delete;
  NoErrorBuffer& operator=(const NoErrorBuffer&) = delete;
  static bool active() { return active_; }

 private:
  static inline bool active_ = false;
};

// Judges the function tables of an instance: sizes, mandatory functions, answers to other ids.
void judge_tables(const epp_type& type, const epp_instance& instance, Stage& stage);

}  // namespace epp::check
