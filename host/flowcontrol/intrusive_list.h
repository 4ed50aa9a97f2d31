// A doubly linked list of objects that carry the links themselves: nothing is allocated, removal needs no search.
#pragma once

namespace epp::flowcontrol {

template <class T>
struct Link {
  T* before = nullptr;
  T* after = nullptr;
};

// An object stands in at most one list per link.
template <class T, Link<T> T::*kLink>
class IntrusiveList {
 public:
  bool empty() const { return front_ == nullptr; }
  T* front() const { return front_; }
  T* back() const { return back_; }
  static T* after(const T& object) { return (object.*kLink).after; }

  void push_back(T& object) {
    object.*kLink = {back_, nullptr};
    (back_ != nullptr ? (back_->*kLink).after : front_) = &object;
    back_ = &object;
  }

  void remove(T& object) {
    const Link<T> link = object.*kLink;
    (link.before != nullptr ? (link.before->*kLink).after : front_) = link.after;
    (link.after != nullptr ? (link.after->*kLink).before : back_) = link.before;
    object.*kLink = {};
  }

  // Empties the list and returns its first object; the others hang on its link.
  T* take_all() {
    T* const first = front_;
    front_ = back_ = nullptr;
    return first;
  }

 private:
  T* front_ = nullptr;
  T* back_ = nullptr;
};

}  // namespace epp::flowcontrol
