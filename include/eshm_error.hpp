/** @file
 * What can go wrong, as a std::error_code and as an exception. Part of eshm.hpp, which includes it. */
#ifndef ESHM_ERROR_HPP
#define ESHM_ERROR_HPP

#include "eshm.h"

#include <string>
#include <system_error>

namespace eshm {

/** Each enum ESHMError that a call of this face gives, and one that only this face knows. */
enum class errc {
    invalid_param = ESHM_ERROR_INVALID_PARAM,       /**< no name, a setting out of range, or no event_fd() to be had */
    shm_create = ESHM_ERROR_SHM_CREATE,             /**< no master's end could be opened; the reason is on stderr */
    shm_attach = ESHM_ERROR_SHM_ATTACH,             /**< no slave's end could be opened; the reason is on stderr */
    no_data = ESHM_ERROR_NO_DATA,                   /**< nothing new; a read gives std::nullopt instead */
    timeout = ESHM_ERROR_TIMEOUT,                   /**< of a write: a slave without master, or a writer stopped halfway */
    master_stale = ESHM_ERROR_MASTER_STALE,         /**< the master is gone, and Disconnect::immediately; final */
    buffer_too_small = ESHM_ERROR_BUFFER_TOO_SMALL, /**< message larger than the buffer (read) or the capacity (write) */
    not_initialized = ESHM_ERROR_NOT_INITIALIZED,   /**< closed or moved from, detached, or inherited by fork() */
    role_mismatch = ESHM_ERROR_ROLE_MISMATCH,       /**< another master has taken this one's place; final */
    wrong_size = 1                                  /**< the message has another size than the type asked for */
};

namespace detail {

class Category final : public std::error_category {
public:
    const char* name() const noexcept override { return "eshm"; }

    std::string message(int code) const override {
        return code == static_cast<int>(errc::wrong_size) ? "Message of another size" : eshm_error_string(code);
    }

    std::error_condition default_error_condition(int code) const noexcept override {
        switch (static_cast<errc>(code)) {
        case errc::invalid_param: return std::errc::invalid_argument;
        case errc::no_data: return std::errc::operation_would_block;
        case errc::timeout: return std::errc::timed_out;
        case errc::master_stale: return std::errc::connection_reset;
        case errc::buffer_too_small: return std::errc::message_size;
        case errc::not_initialized: return std::errc::not_connected;
        default: return {code, *this};
        }
    }
};

} // namespace detail

/** The category of this library's codes: `code.category() == eshm::category()`. */
inline const std::error_category& category() noexcept {
    static const detail::Category only;
    return only;
}

/** Lets `code == eshm::errc::timeout` compare; found by argument-dependent lookup. */
inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), category()};
}

/** What every call throws that has no std::error_code to store its failure in; code() tells which of errc it is, and what()
 * begins with what was tried, and has the text of eshm_last_error(): "write: channel 'robot': Operation timed out". */
class Error : public std::system_error {
public:
    using std::system_error::system_error;
};

namespace detail {

/** The code of a result of the C functions: none for ESHM_SUCCESS and numbers of bytes. */
inline std::error_code code_of(int result) noexcept {
    return result < 0 ? std::error_code(result, category()) : std::error_code();
}

/** What was tried, and why it was refused, without the code's own text: the exception adds that at its end. */
inline std::string reason(const std::error_code& code, const char* tried, const std::string& refused) {
    std::string why = tried + (": " + refused);
    const std::string known = ": " + code.message();
    const std::size_t rest = why.size() < known.size() ? 0 : why.size() - known.size();
    if (why.compare(rest, std::string::npos, known) == 0) why.resize(rest);
    const std::size_t within = why.find(known + ": ");
    if (within != std::string::npos) why.erase(within, known.size());
    return why;
}

/** `told`: the code is what a C function has just returned, so eshm_last_error() is about it. */
inline void throw_if(const std::error_code& code, const char* tried, bool told = false) {
    const bool known = code.value() < 0 || code == std::errc::not_enough_memory; // what that was for, the last call has said
    if (code) throw Error(code, told && known ? reason(code, tried, eshm_last_error()) : tried);
}

} // namespace detail
} // namespace eshm

/** @cond it says nothing to readers */
template <>
struct std::is_error_code_enum<eshm::errc> : std::true_type {};
/** @endcond */

#endif // ESHM_ERROR_HPP
