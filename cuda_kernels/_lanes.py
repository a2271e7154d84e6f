"""Vectors of 16 numbers as a numba type, so that a loop is vectorised because it says so.

A loop over an array leaves its vectorisation to the compiler, which adds versions for remainders and for overlapping
memory; in loops of a hundred numbers these cost more than the work. Lanes become one, two or four registers, by what
the processor has. float32 products may fuse with additions.
"""

from __future__ import annotations

import operator
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils as untyped_cgutils
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model

WIDTH = 16
cgutils = cast(Any, untyped_cgutils)


class _Lanes(types.Type):  # type: ignore[misc,unused-ignore]
    """16 numbers of one type; `marks` are truth values."""

    def __init__(self, name: str, element: Any) -> None:
        cast(Any, super()).__init__(name=f"lanes of {name}")
        self.vector = ir.VectorType(element, WIDTH)


floats = _Lanes("float32", ir.FloatType())
doubles = _Lanes("float64", ir.DoubleType())
longs = _Lanes("int64", ir.IntType(64))
marks = _Lanes("boolean", ir.IntType(1))


@register_model(_Lanes)
class _Model(models.PrimitiveModel):  # type: ignore[misc,unused-ignore]
    def __init__(self, manager: Any, kind: Any) -> None:
        cast(Any, super()).__init__(manager, kind, kind.vector)


def _operator(symbol: Any, kind: Any, result: Any, name: str, **flags: Any) -> None:
    class Template(ConcreteTemplate):  # type: ignore[misc,unused-ignore]
        cases = [signature(result, kind, kind)]  # type: ignore[no-untyped-call,unused-ignore]  # noqa: RUF012

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        if name == "<":
            return builder.fcmp_ordered(name, *values)
        return getattr(builder, name)(*values, **flags)

    cast(Any, infer_global)(symbol)(Template)
    cast(Any, lower_builtin)(symbol, kind, kind)(build)


for _kind, _flags in ((floats, {"flags": ("contract",)}), (doubles, {})):  # float64 lanes give every engine's bits
    _operator(operator.add, _kind, _kind, "fadd", **_flags)
    _operator(operator.sub, _kind, _kind, "fsub", **_flags)
    _operator(operator.mul, _kind, _kind, "fmul", **_flags)
    _operator(operator.truediv, _kind, _kind, "fdiv")
    _operator(operator.lt, _kind, marks, "<")
_operator(operator.and_, marks, marks, "and_")
_operator(operator.add, longs, longs, "add")
_operator(operator.sub, longs, longs, "sub")


def _address(context: Any, builder: Any, array: Any, value: Any, start: Any) -> Any:
    return builder.gep(context.make_array(array)(context, builder, value=value).data, [start])


_of_scalar = {types.float32: floats, types.float64: doubles, types.int64: longs}
_bytes = {floats: 4, doubles: 8, longs: 8}


def _load(typing_context: Any, array: Any, start: Any) -> Any:
    kind = _of_scalar[array.dtype]

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _address(context, builder, array, values[0], values[1])
        return builder.load(builder.bitcast(place, kind.vector.as_pointer()), align=_bytes[kind])

    return kind(array, types.intp), build


def _save(typing_context: Any, array: Any, start: Any, lanes: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _address(context, builder, array, values[0], values[1])
        builder.store(values[2], builder.bitcast(place, lanes.vector.as_pointer()), align=_bytes[lanes])
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), build


def _spread(typing_context: Any, number: Any) -> Any:
    kind = _of_scalar[number]

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector, zero = kind.vector, ir.Constant(ir.IntType(32), 0)
        first = builder.insert_element(ir.Constant(vector, ir.Undefined), values[0], zero)
        order = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), None)
        return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), order)

    return kind(number), build


def _single(typing_context: Any, lanes: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fptrunc(values[0], floats.vector)

    return floats(lanes), build


def _double(typing_context: Any, lanes: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        convert = builder.sitofp if lanes is longs else builder.fpext
        return convert(values[0], doubles.vector)

    return doubles(lanes), build


def _add_product(typing_context: Any, sums: Any, one: Any, other: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind, name = sums.vector, f"llvm.fmuladd.v{WIDTH}f{8 * _bytes[sums]}"
        callee = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind, kind, kind]), name)
        return builder.call(callee, [values[1], values[2], values[0]])

    return sums(sums, one, other), build


def _same_bits(typing_context: Any, number: Any) -> Any:
    kinds = {types.float64: types.int64, types.int64: types.float64, doubles: longs, longs: doubles}

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], context.get_value_type(kinds[number]))

    return kinds[number](number), build


def _where(typing_context: Any, chosen: Any, yes: Any, no: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.select(*values)

    return yes(chosen, yes, no), build


def _bits(typing_context: Any, chosen: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.zext(builder.bitcast(values[0], ir.IntType(WIDTH)), ir.IntType(64))

    return types.int64(chosen), build


def _of_bits(typing_context: Any, number: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.bitcast(builder.trunc(values[0], ir.IntType(WIDTH)), marks.vector)

    return marks(types.int64), build


def _lowest_bit(typing_context: Any, number: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), build


def _number_of(typing_context: Any, number: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.ctpop(values[0])

    return types.int64(types.int64), build


def _compressed(builder: Any, lanes: Any, chosen: Any) -> Any:
    kind = lanes.type
    name = f"llvm.x86.avx512.mask.compress.v{WIDTH}{'i32' if kind.element == ir.IntType(32) else 'f32'}"
    callee = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind, kind, chosen.type]), name)
    return builder.call(callee, [lanes, ir.Constant(kind, ir.Undefined), chosen])


def _order_of_eight(builder: Any, chosen: Any) -> Any:
    """Places of the bits that are set in a number below 256, in order; whatever behind them."""
    module, name = builder.module, "places_of_set_bits"
    kind = ir.ArrayType(ir.IntType(64), 256)
    table = module.globals.get(name)
    if table is None:
        table = ir.GlobalVariable(module, kind, name)
        table.linkage, table.global_constant = "internal", True
        listed = [[place for place in range(8) if number >> place & 1] for number in range(256)]
        table.initializer = ir.Constant(kind, [int.from_bytes(bytes(places), "little") for places in listed])
    eight = builder.load(builder.gep(table, [ir.Constant(ir.IntType(64), 0), chosen]))
    return builder.zext(builder.bitcast(eight, ir.VectorType(ir.IntType(8), 8)), ir.VectorType(ir.IntType(32), 8))


def _pack_eights(builder: Any, place: Any, lanes: Any, number: Any) -> None:
    """What `_pack_lanes` does, eight lanes at a time: one permutation for each of the 256 ways to choose from them."""
    whole, names = lanes.type.element == ir.IntType(32), ("permps", "permd")
    half = ir.VectorType(lanes.type.element, 8)
    kind = ir.FunctionType(half, [half, ir.VectorType(ir.IntType(32), 8)])
    permute = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.avx2.{names[whole]}")
    for first in (0, 8):
        which = ir.Constant(ir.VectorType(ir.IntType(32), 8), list(range(first, first + 8)))
        chosen = builder.and_(builder.lshr(number, ir.Constant(number.type, first)), ir.Constant(number.type, 255))
        eight = builder.shuffle_vector(lanes, lanes, which)
        packed = builder.call(permute, [eight, _order_of_eight(builder, chosen)])
        builder.store(packed, builder.bitcast(place, half.as_pointer()), align=4)
        place = builder.gep(place, [builder.ctpop(chosen)])


def _pack_lanes(context: Any, builder: Any, place: Any, lanes: Any, number: Any) -> None:
    """Store chosen lanes one behind the other, without a branch; up to 16 numbers at `place` change."""
    features = str(getattr(context.codegen(), "_tm_features", ""))
    if "+avx512f" in features:
        lanes = _compressed(builder, lanes, builder.bitcast(builder.trunc(number, ir.IntType(WIDTH)), marks.vector))
        builder.store(lanes, builder.bitcast(place, lanes.type.as_pointer()), align=4)
        return
    if "+avx2" in features:
        _pack_eights(builder, place, lanes, number)
        return
    one = ir.Constant(ir.IntType(64), 1)
    for lane in range(WIDTH):
        builder.store(builder.extract_element(lanes, ir.Constant(ir.IntType(32), lane)), place)
        chosen = builder.and_(builder.lshr(number, ir.Constant(ir.IntType(64), lane)), one)
        place = builder.gep(place, [chosen])


def _pack_places(typing_context: Any, array: Any, start: Any, first: Any, number: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind, word = ir.VectorType(ir.IntType(32), WIDTH), ir.IntType(32)
        zero = ir.Constant(word, 0)
        some = builder.insert_element(ir.Constant(kind, ir.Undefined), builder.trunc(values[2], word), zero)
        some = builder.shuffle_vector(some, some, ir.Constant(kind, None))
        lanes = builder.add(some, ir.Constant(kind, list(range(WIDTH))))
        _pack_lanes(context, builder, _address(context, builder, array, *values[:2]), lanes, values[3])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.int64, types.int64), build


def _pack_items(typing_context: Any, array: Any, start: Any, source: Any, first: Any, number: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        to = _address(context, builder, array, *values[:2])
        place = _address(context, builder, source, *values[2:4])
        kind = ir.VectorType(place.type.pointee, WIDTH)
        lanes = builder.load(builder.bitcast(place, kind.as_pointer()), align=4)
        _pack_lanes(context, builder, to, lanes, values[4])
        return context.get_dummy_value()

    return types.void(array, types.intp, source, types.intp, types.int64), build


def _size_of(typing_context: Any, lanes: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = ir.FunctionType(lanes.vector, [lanes.vector])
        name = f"llvm.fabs.v{WIDTH}f{8 * _bytes[lanes]}"
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), values)

    return lanes(lanes), build


def _folded(combine: Any) -> Any:
    """What halving the lanes again and again leaves."""

    def fold(typing_context: Any, lanes: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            value, width = values[0], WIDTH
            while width > 1:
                width //= 2
                places = ir.VectorType(ir.IntType(32), width)
                low, high = (
                    builder.shuffle_vector(value, value, ir.Constant(places, [first + i for i in range(width)]))
                    for first in (0, width)
                )
                value = combine(builder, low, high)
            return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

        scalar: Any = types.float32 if lanes is floats else types.float64
        return scalar(lanes), build

    return cast(Any, intrinsic(fold))


load = cast(Any, intrinsic(_load))
"""load(array, start): 16 numbers of an array, unchecked."""
save = cast(Any, intrinsic(_save))
"""save(array, start, lanes), unchecked."""
spread = cast(Any, intrinsic(_spread))
"""spread(number): the same in all lanes; float32, float64 or int64."""
single = cast(Any, intrinsic(_single))
"""single(lanes): float64 lanes rounded to float32."""
double = cast(Any, intrinsic(_double))
"""double(lanes): float32 or int64 lanes as float64."""
add_product = cast(Any, intrinsic(_add_product))
"""add_product(sums, a, b): sums + a * b, fused if the processor can: for float64, where both are exact in any case."""
same_bits = cast(Any, intrinsic(_same_bits))
"""same_bits(number or lanes): float64 as the int64 that has its bits, or the other way round."""
where = cast(Any, intrinsic(_where))
"""where(marks, yes, no)."""
bits = cast(Any, intrinsic(_bits))
"""bits(marks): bit i of an integer tells lane i."""
of_bits = cast(Any, intrinsic(_of_bits))
"""of_bits(number): the marks that `bits` gave."""
lowest_bit = cast(Any, intrinsic(_lowest_bit))
"""lowest_bit(number): the place of the lowest bit that is set; one must be."""
number_of = cast(Any, intrinsic(_number_of))
"""number_of(number): how many bits are set."""
pack = cast(Any, intrinsic(_pack_items))
"""pack(array, start, source, first, bits): those of 16 numbers of source, from first on, whose bits are set, one behind
the other into array from start on; up to 16 numbers there change. float32 and int32."""
pack_places = cast(Any, intrinsic(_pack_places))
"""pack_places(array, start, first, bits): first + the places of set bits, likewise."""
size_of = cast(Any, intrinsic(_size_of))
"""size_of(lanes): absolute values."""
total = _folded(lambda builder, a, b: builder.fadd(a, b))
"""total(lanes): the sum of floating lanes, in pairs."""
least = _folded(lambda builder, a, b: builder.select(builder.fcmp_ordered("<", a, b), a, b))
most = _folded(lambda builder, a, b: builder.select(builder.fcmp_ordered("<", a, b), b, a))
"""least(lanes), most(lanes): of floating lanes without a NaN."""
