/* data_handler.h - records in C++17: named values to bytes and back, and functions that are called by name.
 *
 *     shm_protocol::DataHandler handler;
 *     auto bytes = handler.encodeDataBuffer({shm_protocol::DataHandler::createReal("temperature", 23.5)});
 *     eshm_write(eshm, bytes.data(), bytes.size());
 *
 * Link with the library (-leshm): it has the codec. Encoding and decoding may run in any threads at once; registerFunction()
 * must not run at the same time as processFunctionCalls() of the same handler.
 */
#ifndef DATA_HANDLER_H
#define DATA_HANDLER_H

#include "asn1_der.h"
#include "eshm_record.h"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace shm_protocol {

    /* The types of items. */
    enum class DataType : uint8_t {
        INTEGER = 0,
        BOOLEAN = 1,
        REAL = 2,
        STRING = 3,
        BINARY = 4,
        EVENT = 5,
        FUNCTION_CALL = 6,
        IMAGE_FRAME = 7
    };

    /* A named value: by its type it is `value`, `event`, `function` or `image`. */
    struct DataItem {
        DataType type = DataType::INTEGER; /* which of those below it is */
        std::string key;                   /* its name */
        asn1::DataValue value;             /* INTEGER to BINARY */
        asn1::Event event;                 /* EVENT */
        asn1::FunctionCall function;       /* FUNCTION_CALL */
        asn1::ImageFrame image;            /* IMAGE_FRAME */
    };

    /* What runs when a function is called, and returns its result. */
    using FunctionHandler = std::function<asn1::DataValue(const std::vector<asn1::DataValue>&)>;

    /* Makes bytes of items and items of bytes, and knows functions by their names. */
    class DataHandler {
    public:
        /* Knows add, multiply, getImageInfo, resizeImage, setParameter and getStatus. */
        DataHandler() {
            registerFunction("add", [](const Arguments& given) {
                return arithmetic(given, "add", [](int64_t a, int64_t b, int64_t* sum) { return __builtin_add_overflow(a, b, sum); },
                                  [](double a, double b) { return a + b; });
            });
            registerFunction("multiply", [](const Arguments& given) {
                return arithmetic(given, "multiply",
                                  [](int64_t a, int64_t b, int64_t* product) { return __builtin_mul_overflow(a, b, product); },
                                  [](double a, double b) { return a * b; });
            });
            registerFunction("getImageInfo", [](const Arguments&) { return asn1::DataValue(std::string("640x480x3")); });
            registerFunction("resizeImage", [](const Arguments&) { return asn1::DataValue(true); });
            registerFunction("setParameter", [](const Arguments& given) {
                need(given, 2, "setParameter");
                return asn1::DataValue(true);
            });
            registerFunction("getStatus", [](const Arguments&) { return asn1::DataValue(std::string("OK")); });
        }

        /* From now on calls of this name go to this handler. */
        void registerFunction(const std::string& name, FunctionHandler handler) { functions_[name] = std::move(handler); }

        /* The bytes of a record. Throws DERException for a text that is not UTF-8, or a value that is not of its item's type. */
        std::vector<uint8_t> encodeDataBuffer(const std::vector<DataItem>& items) const {
            std::vector<ESHMRecordField> fields;
            fields.reserve(items.size());
            for (const DataItem& item : items) append(fields, item);
            std::vector<uint8_t> bytes(256);
            size_t size = 0;
            int status = eshm_record_encode(fields.data(), fields.size(), bytes.data(), bytes.size(), &size);
            if (status == ESHM_ERROR_BUFFER_TOO_SMALL) {
                bytes.resize(size);
                status = eshm_record_encode(fields.data(), fields.size(), bytes.data(), bytes.size(), &size);
            }
            check(status);
            bytes.resize(size);
            return bytes;
        }

        /* The items of a record. Throws DERException for bytes that are none. */
        std::vector<DataItem> decodeDataBuffer(const uint8_t* data, size_t length) const {
            std::vector<ESHMRecordField> fields(16);
            size_t count = 0;
            int status = eshm_record_decode(data, length, fields.data(), fields.size(), &count);
            if (status == ESHM_ERROR_BUFFER_TOO_SMALL) {
                fields.resize(count);
                status = eshm_record_decode(data, length, fields.data(), fields.size(), &count);
            }
            check(status);
            std::vector<DataItem> items;
            for (size_t at = 0; at < count; at += 1 + fields[at].children) items.push_back(itemOf(&fields[at]));
            return items;
        }

        /* Likewise. */
        std::vector<DataItem> decodeDataBuffer(const std::vector<uint8_t>& bytes) const {
            return decodeDataBuffer(bytes.empty() ? reinterpret_cast<const uint8_t*>("") : bytes.data(), bytes.size());
        }

        /* Runs the function calls among the items and stores what they return. One of an unknown name, or whose handler throws,
         * returns a text that begins with "ERROR: ". */
        void processFunctionCalls(std::vector<DataItem>& items) const {
            for (DataItem& item : items) {
                if (item.type != DataType::FUNCTION_CALL) continue;
                asn1::FunctionCall& call = item.function;
                try {
                    const auto known = functions_.find(call.function_name);
                    if (known == functions_.end()) throw std::runtime_error("unknown function " + call.function_name);
                    call.return_value = known->second(call.arguments);
                } catch (const std::exception& error) {
                    call.return_value = std::string("ERROR: ") + error.what();
                } catch (...) {
                    call.return_value = std::string("ERROR: ") + call.function_name + " threw something unknown";
                }
                call.has_return = true;
            }
        }

        /* An INTEGER. */
        static DataItem createInteger(const std::string& key, int64_t value) { return simple(DataType::INTEGER, key, value); }
        /* A BOOLEAN. */
        static DataItem createBoolean(const std::string& key, bool value) { return simple(DataType::BOOLEAN, key, value); }
        /* A REAL. */
        static DataItem createReal(const std::string& key, double value) { return simple(DataType::REAL, key, value); }
        /* A STRING. */
        static DataItem createString(const std::string& key, const std::string& value) {
            return simple(DataType::STRING, key, value);
        }
        /* A BINARY. */
        static DataItem createBinary(const std::string& key, const std::vector<uint8_t>& value) {
            return simple(DataType::BINARY, key, value);
        }
        /* An EVENT. */
        static DataItem createEvent(const std::string& key, const asn1::Event& event) {
            DataItem item = simple(DataType::EVENT, key, {});
            item.event = event;
            return item;
        }
        /* A FUNCTION_CALL. */
        static DataItem createFunctionCall(const std::string& key, const asn1::FunctionCall& function) {
            DataItem item = simple(DataType::FUNCTION_CALL, key, {});
            item.function = function;
            return item;
        }
        /* An IMAGE_FRAME. */
        static DataItem createImageFrame(const std::string& key, const asn1::ImageFrame& image) {
            DataItem item = simple(DataType::IMAGE_FRAME, key, {});
            item.image = image;
            return item;
        }

        /* The scalars by their keys; of a key that comes twice, the last. */
        static std::map<std::string, asn1::DataValue> extractSimpleValues(const std::vector<DataItem>& items) {
            std::map<std::string, asn1::DataValue> values;
            for (const DataItem& item : items) {
                if (item.type <= DataType::BINARY) values[item.key] = item.value;
            }
            return values;
        }
        /* The events, in their order. */
        static std::vector<asn1::Event> extractEvents(const std::vector<DataItem>& items) {
            return extract(items, DataType::EVENT, &DataItem::event);
        }
        /* The function calls, in their order. */
        static std::vector<asn1::FunctionCall> extractFunctions(const std::vector<DataItem>& items) {
            return extract(items, DataType::FUNCTION_CALL, &DataItem::function);
        }
        /* The images, in their order. */
        static std::vector<asn1::ImageFrame> extractImages(const std::vector<DataItem>& items) {
            return extract(items, DataType::IMAGE_FRAME, &DataItem::image);
        }

    private:
        using Arguments = std::vector<asn1::DataValue>;

        std::unordered_map<std::string, FunctionHandler> functions_;

        static void check(int status) {
            if (status != ESHM_SUCCESS) throw asn1::DERException(eshm_data_get_last_error());
        }

        static DataItem simple(DataType type, const std::string& key, asn1::DataValue value) {
            DataItem item;
            item.type = type;
            item.key = key;
            item.value = std::move(value);
            return item;
        }

        template <typename Part>
        static std::vector<Part> extract(const std::vector<DataItem>& items, DataType type, Part DataItem::* part) {
            std::vector<Part> parts;
            for (const DataItem& item : items) {
                if (item.type == type) parts.push_back(item.*part);
            }
            return parts;
        }

        static void need(const Arguments& given, size_t count, const char* name) {
            if (given.size() != count) throw std::runtime_error(std::string(name) + " takes " + std::to_string(count) + " arguments");
        }

        template <typename Whole, typename Real>
        static asn1::DataValue arithmetic(const Arguments& given, const char* name, Whole whole, Real real) {
            need(given, 2, name);
            if (const auto* a = std::get_if<int64_t>(&given[0])) {
                if (const auto* b = std::get_if<int64_t>(&given[1])) {
                    int64_t result;
                    if (whole(*a, *b, &result)) throw std::runtime_error(std::string(name) + ": the result needs over 64 bits");
                    return result;
                }
            }
            const auto *a = std::get_if<double>(&given[0]), *b = std::get_if<double>(&given[1]);
            if (!a || !b) throw std::runtime_error(std::string(name) + " takes two integers or two reals");
            return real(*a, *b);
        }

        static DataType typeOf(const asn1::DataValue& value) {
            static constexpr DataType types[] = {DataType::BOOLEAN, DataType::INTEGER, DataType::REAL, DataType::STRING,
                                                 DataType::BINARY};
            return types[value.index()];
        }

        /* A field that points into its arguments. */
        static ESHMRecordField field(DataType type, const std::string& key, size_t children = 0) {
            ESHMRecordField made = {};
            made.key = key.data();
            made.key_size = key.size();
            made.children = static_cast<uint32_t>(children);
            made.field_type = static_cast<uint8_t>(type);
            return made;
        }
        static ESHMRecordField scalar(const std::string& key, const asn1::DataValue& value) {
            ESHMRecordField made = field(typeOf(value), key);
            if (const auto* flag = std::get_if<bool>(&value)) made.integer = *flag;
            else if (const auto* number = std::get_if<int64_t>(&value)) made.integer = *number;
            else if (const auto* real = std::get_if<double>(&value)) made.real = *real;
            else if (const auto* text = std::get_if<std::string>(&value)) made.data = text->data(), made.size = text->size();
            else if (const auto* octets = std::get_if<std::vector<uint8_t>>(&value)) made.data = octets->data(), made.size = octets->size();
            return made;
        }
        static ESHMRecordField named(DataType type, const std::string& key, const std::string& name, size_t children) {
            ESHMRecordField made = field(type, key, children);
            made.data = name.data();
            made.size = name.size();
            return made;
        }

        static void append(std::vector<ESHMRecordField>& fields, const DataItem& item) {
            static const std::string none;
            switch (item.type) {
            case DataType::EVENT:
                fields.push_back(named(item.type, item.key, item.event.event_name, item.event.parameters.size()));
                for (const auto& parameter : item.event.parameters) fields.push_back(scalar(parameter.first, parameter.second));
                break;
            case DataType::FUNCTION_CALL:
                fields.push_back(named(item.type, item.key, item.function.function_name, 1 + item.function.arguments.size()));
                fields.push_back(item.function.has_return ? scalar(none, item.function.return_value)
                                                          : field(static_cast<DataType>(ESHM_RECORD_NONE), none));
                for (const auto& argument : item.function.arguments) fields.push_back(scalar(none, argument));
                break;
            case DataType::IMAGE_FRAME: {
                fields.push_back(field(item.type, item.key, 5));
                const int64_t numbers[] = {item.image.width, item.image.height, item.image.channels,
                                           static_cast<int64_t>(item.image.timestamp_ns)};
                for (const int64_t number : numbers) {
                    fields.push_back(field(DataType::INTEGER, none));
                    fields.back().integer = number;
                }
                fields.push_back(field(DataType::BINARY, none));
                fields.back().data = item.image.data.data();
                fields.back().size = item.image.data.size();
                break;
            }
            default:
                if (typeOf(item.value) != item.type) throw asn1::DERException("the value of '" + item.key + "' is not of its type");
                fields.push_back(scalar(item.key, item.value));
            }
        }

        static asn1::DataValue valueOf(const ESHMRecordField& field) {
            const auto* data = static_cast<const uint8_t*>(field.data);
            switch (static_cast<DataType>(field.field_type)) {
            case DataType::BOOLEAN: return field.integer != 0;
            case DataType::REAL: return field.real;
            case DataType::STRING: return std::string(reinterpret_cast<const char*>(data), field.size);
            case DataType::BINARY: return std::vector<uint8_t>(data, data + field.size);
            default: return field.integer;
            }
        }

        static DataItem itemOf(const ESHMRecordField* field) {
            const ESHMRecordField *child = field + 1, *end = child + field->children;
            DataItem item = simple(static_cast<DataType>(field->field_type), std::string(field->key, field->key_size), {});
            switch (item.type) {
            case DataType::EVENT:
                item.event.event_name.assign(static_cast<const char*>(field->data), field->size);
                for (; child < end; ++child) item.event.parameters[std::string(child->key, child->key_size)] = valueOf(*child);
                break;
            case DataType::FUNCTION_CALL:
                item.function.function_name.assign(static_cast<const char*>(field->data), field->size);
                item.function.has_return = child->field_type != ESHM_RECORD_NONE;
                if (item.function.has_return) item.function.return_value = valueOf(*child);
                while (++child < end) item.function.arguments.push_back(valueOf(*child));
                break;
            case DataType::IMAGE_FRAME:
                item.image.width = static_cast<uint32_t>(child[0].integer);
                item.image.height = static_cast<uint32_t>(child[1].integer);
                item.image.channels = static_cast<uint32_t>(child[2].integer);
                item.image.timestamp_ns = static_cast<uint64_t>(child[3].integer);
                item.image.data = std::get<std::vector<uint8_t>>(valueOf(child[4]));
                break;
            default:
                item.value = valueOf(*field);
            }
            return item;
        }
    };

} // namespace shm_protocol

#endif /* DATA_HANDLER_H */
