/** @file
 * Messages as bytes: views of memory, a message that owns its bytes, and which types travel as they are. Part of eshm.hpp. */
#ifndef ESHM_BYTES_HPP
#define ESHM_BYTES_HPP

#include "eshm.h"

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace eshm {
namespace detail {

/** Whether Range has data() and size() over elements that may be copied as bytes; Pointer is what data() must convert to. */
template <class Range, class Pointer, class = void>
struct is_contiguous : std::false_type {};
template <class Range, class Pointer>
struct is_contiguous<Range, Pointer,
                     std::void_t<decltype(std::declval<Range&>().data()), decltype(std::declval<Range&>().size())>>
    : std::bool_constant<std::is_convertible_v<decltype(std::declval<Range&>().data()), Pointer> &&
                         std::is_trivially_copyable_v<std::remove_pointer_t<decltype(std::declval<Range&>().data())>>> {};

/** Those of a size known to the compiler, as std::array, are sent like a struct. */
template <class T, class = void>
struct has_fixed_size : std::false_type {};
template <class T>
struct has_fixed_size<T, std::void_t<decltype(std::tuple_size<T>::value)>> : std::true_type {};

template <class Range>
constexpr std::size_t bytes_in(Range& range) {
    return range.size() * sizeof *range.data();
}

} // namespace detail

/** Bytes that belong to somebody else, to be read: of C++17, and convertible to and from std::span in C++20. Valid as long as
 * what it was made of. */
class bytes_view {
public:
    /** No bytes. */
    constexpr bytes_view() noexcept = default;

    /** `size` bytes at `data`, which may be null if there are none. */
    bytes_view(const void* data, std::size_t size) noexcept : data_(static_cast<const std::byte*>(data)), size_(size) {}

    /** The elements of a std::string, std::string_view, std::vector, std::span, Message ... of trivially copyable ones. */
    template <class Range, std::enable_if_t<detail::is_contiguous<const Range, const void*>::value, int> = 0>
    bytes_view(const Range& range) noexcept : bytes_view(range.data(), detail::bytes_in(range)) {}

    /** A text up to its NUL, without it. */
    template <class Pointer, std::enable_if_t<std::is_same_v<Pointer, const char*> || std::is_same_v<Pointer, char*>, int> = 0>
    bytes_view(const Pointer& text) noexcept : bytes_view(text, std::strlen(text)) {}

    /** A literal, or a text in an array: up to its NUL, without it, or to the array's end. */
    template <std::size_t Size>
    bytes_view(const char (&text)[Size]) noexcept : bytes_view(text, strnlen(text, Size)) {}

    /** A text and the NUL at its end, which C programs and the examples of Python expect. */
    static bytes_view with_nul(const std::string& text) noexcept { return {text.c_str(), text.size() + 1}; }
    /** A text and the NUL at its end. */
    static bytes_view with_nul(const char* text) noexcept { return {text, std::strlen(text) + 1}; }

    /** The first of them; null only in a view of nothing. */
    constexpr const std::byte* data() const noexcept { return data_; }
    /** How many. */
    constexpr std::size_t size() const noexcept { return size_; }
    /** Whether there are none. */
    constexpr bool empty() const noexcept { return size_ == 0; }
    /** The first of them. */
    constexpr const std::byte* begin() const noexcept { return data_; }
    /** One past the last. */
    constexpr const std::byte* end() const noexcept { return data_ + size_; }
    /** That at `index`, which must be below size(). */
    constexpr std::byte operator[](std::size_t index) const noexcept { return data_[index]; }

    /** The bytes as text, without any NULs at its end. */
    std::string_view text() const noexcept {
        std::string_view text = size_ == 0 ? std::string_view() : std::string_view(reinterpret_cast<const char*>(data_), size_);
        while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
        return text;
    }

private:
    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

/** Memory of somebody else, to be read into. */
class bytes_span {
public:
    /** `size` bytes at `data`. */
    bytes_span(void* data, std::size_t size) noexcept : data_(static_cast<std::byte*>(data)), size_(size) {}

    /** The elements of a std::vector, std::array, std::string, std::span ..., which keeps its size. */
    template <class Range, std::enable_if_t<detail::is_contiguous<std::remove_reference_t<Range>, void*>::value, int> = 0>
    bytes_span(Range&& range) noexcept : bytes_span(range.data(), detail::bytes_in(range)) {}

    /** An array. */
    template <class T, std::size_t Size, std::enable_if_t<std::is_trivially_copyable_v<T> && !std::is_const_v<T>, int> = 0>
    bytes_span(T (&array)[Size]) noexcept : bytes_span(static_cast<void*>(array), sizeof array) {}

    /** The first byte. */
    std::byte* data() const noexcept { return data_; }
    /** How many. */
    std::size_t size() const noexcept { return size_; }

private:
    std::byte* data_;
    std::size_t size_;
};

/** A message that owns its bytes. */
class Message {
public:
    /** One without bytes. */
    Message() = default;
    /** Takes these. */
    explicit Message(std::vector<std::byte> bytes) noexcept : bytes_(std::move(bytes)) {}

    /** The first byte. */
    const std::byte* data() const noexcept { return bytes_.data(); }
    /** How many. */
    std::size_t size() const noexcept { return bytes_.size(); }
    /** The bytes. */
    bytes_view view() const noexcept { return {bytes_.data(), bytes_.size()}; }
    /** The bytes as text, without any NULs at its end. */
    std::string_view text() const noexcept { return view().text(); }

private:
    std::vector<std::byte> bytes_;
};

namespace detail {

/** Stops the compiler, with the reason, where a T would not arrive as it was sent. */
template <class T>
constexpr void check_value() {
    static_assert(std::is_trivially_copyable_v<T>,
                  "eshm: only a trivially copyable type travels as its bytes; send its parts, or a record (data_handler.h)");
    static_assert(!std::is_pointer_v<T> && !std::is_member_pointer_v<T> && !std::is_null_pointer_v<T>,
                  "eshm: an address means nothing in the other process; send what is there");
}

/** What of `message` is sent: what it refers to if it is text or a range, else its own bytes. */
template <class T>
bytes_view bytes_of(const T& message) noexcept {
    if constexpr (std::is_convertible_v<const T&, bytes_view> && !has_fixed_size<T>::value) {
        return message;
    } else {
        check_value<T>();
        return {&message, sizeof message};
    }
}

/** What check_value() asks, and that there can be a T to read into. */
template <class T>
constexpr void check_read() {
    static_assert(std::is_same_v<T, std::remove_cv_t<std::remove_reference_t<T>>> && !std::is_array_v<T>,
                  "eshm: read into a type that can be returned: no reference, not const, std::array for an array");
    static_assert(std::is_default_constructible_v<T>, "eshm: the type needs a default constructor to be read");
    check_value<T>();
}

} // namespace detail
} // namespace eshm

#endif // ESHM_BYTES_HPP
