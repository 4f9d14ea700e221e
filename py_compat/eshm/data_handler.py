"""Records: messages of typed, named values, encoded and decoded in pure Python.

    from data_handler import DataHandler, DataItem, DataType

    handler = DataHandler()
    message = handler.encode_data_buffer([DataItem(DataType.REAL, "temperature", 23.5)])
    for item in handler.decode_data_buffer(message):
        print(item.key, item.value)

The bytes are those of the C, C++ and Rust sides, but that a SEQUENCE has the tag 0x10, as in
released versions of this module. Needs neither the native library nor a channel.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional

from ._decode import decode
from ._der import AppTag, DERDecoder, DEREncoder, Tag
from ._encode import encode
from ._values import DataItem, DataType, Event, FunctionCall, ImageFrame, Items, RecordError

FunctionHandler = Callable[[List[Any]], Any]


class DataHandler:
    """Encodes and decodes records, and answers the function calls in them.

    >>> handler = DataHandler()
    >>> record = handler.encode_data_buffer({"temperature": 23.5, "status": "OK"})
    >>> [(item.key, item.value) for item in handler.decode_data_buffer(record)]
    [('temperature', 23.5), ('status', 'OK')]
    """

    def __init__(self) -> None:
        self._functions: Dict[str, FunctionHandler] = {}

    def encode_data_buffer(self, items: Items) -> bytes:
        """The record of these items: DataItems, or a mapping of keys to values that tell their
        types themselves.

        numpy scalars and any bytes-like objects are accepted too.

        Raises:
            TypeError: a value is not of its item's type, or of none that a record can hold.
            RecordError: a value is out of its type's range.
        """
        return encode(items)

    def decode_data_buffer(self, buffer: Any) -> List[DataItem]:
        """The items of a record, from a bytes-like object. Bytes after the record are not looked
        at, and bytes of a string that are no UTF-8 become lone surrogates, as ``os.fsdecode`` has
        them; the encoder makes the same bytes of them.

        Raises:
            RecordError: it is no record; with the reason and the position.
        """
        return decode(buffer)

    def register_function(self, name: str, handler: FunctionHandler) -> None:
        """Makes a function known to :meth:`process_function_calls`; it gets the list of
        arguments."""
        self._functions[name] = handler

    def process_function_calls(self, items: Iterable[DataItem]) -> None:
        """Calls the function of each FUNCTION_CALL and puts its result in `return_value`.

        A function that is not registered, or that raises, gives the string ``ERROR: ...``.
        """
        for item in items:
            call = item.function
            if call is None:
                continue
            handler = self._functions.get(call.function_name)
            if handler is None:
                call.return_value = f"ERROR: Unknown function: {call.function_name}"
                continue
            try:
                call.return_value = handler(call.arguments)
            except Exception as error:
                call.return_value = f"ERROR: {error}"

    @staticmethod
    def create_integer(key: str, value: int) -> DataItem:
        """An INTEGER item."""
        return DataItem(DataType.INTEGER, key, value)

    @staticmethod
    def create_boolean(key: str, value: bool) -> DataItem:
        """A BOOLEAN item."""
        return DataItem(DataType.BOOLEAN, key, value)

    @staticmethod
    def create_real(key: str, value: float) -> DataItem:
        """A REAL item."""
        return DataItem(DataType.REAL, key, value)

    @staticmethod
    def create_string(key: str, value: str) -> DataItem:
        """A STRING item."""
        return DataItem(DataType.STRING, key, value)

    @staticmethod
    def create_binary(key: str, value: Any) -> DataItem:
        """A BINARY item of a bytes-like object."""
        return DataItem(DataType.BINARY, key, value)

    @staticmethod
    def create_event(
        key: str, event_name: str, parameters: Optional[Mapping[str, Any]] = None
    ) -> DataItem:
        """An EVENT item."""
        return DataItem(DataType.EVENT, key, Event(event_name, dict(parameters or {})))

    @staticmethod
    def create_function_call(
        key: str, function_name: str, arguments: Iterable[Any] = ()
    ) -> DataItem:
        """A FUNCTION_CALL item without an answer."""
        return DataItem(DataType.FUNCTION_CALL, key, FunctionCall(function_name, list(arguments)))

    @staticmethod
    def create_image_frame(
        key: str, width: int, height: int, channels: int, timestamp_ns: int, data: Any
    ) -> DataItem:
        """An IMAGE_FRAME item."""
        return DataItem(
            DataType.IMAGE_FRAME, key, ImageFrame(width, height, channels, timestamp_ns, data)
        )

    @staticmethod
    def extract_simple_values(items: Iterable[DataItem]) -> Dict[str, Any]:
        """The scalars by their keys; of equal keys the last."""
        return {item.key: item.value for item in items if item.type <= DataType.BINARY}

    @staticmethod
    def extract_events(items: Iterable[DataItem]) -> List[Event]:
        """The events, in order."""
        return [item.value for item in items if item.type == DataType.EVENT]

    @staticmethod
    def extract_functions(items: Iterable[DataItem]) -> List[FunctionCall]:
        """The function calls, in order."""
        return [item.value for item in items if item.type == DataType.FUNCTION_CALL]

    @staticmethod
    def extract_images(items: Iterable[DataItem]) -> List[ImageFrame]:
        """The images, in order."""
        return [item.value for item in items if item.type == DataType.IMAGE_FRAME]


__all__ = [
    "AppTag",
    "DERDecoder",
    "DEREncoder",
    "DataHandler",
    "DataItem",
    "DataType",
    "Event",
    "FunctionCall",
    "FunctionHandler",
    "ImageFrame",
    "RecordError",
    "Tag",
]
