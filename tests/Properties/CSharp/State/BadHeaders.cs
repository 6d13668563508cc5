using Xunit;

namespace Properties.CSharp.State;

/// <summary>A header, how many bytes of data follow it, and what the error must say.</summary>
public static class BadHeaders
{
    public static TheoryData<string, int, string> All =>
        new()
        {
            // JSON
            { "", 0, "empty" },
            { " {}", 0, "begin with '{'" },
            { "[]", 0, "begin with '{'" },
            { "{", 0, "not valid JSON" },
            { "{} {}", 0, "not valid JSON" },
            { "{}\0\0", 0, "not valid JSON" },
            { """{"a":}""", 0, "not valid JSON" },
            { """{"a":{"dtype":"U8","shape":[1,],"data_offsets":[0,1]}}""", 1, "not valid JSON" },
            { $$"""{"a":{"x":{{new string('[', 10_000)}}""", 0, "not valid JSON" },
            { """{"\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", 0, "surrogate" },
            // keys
            {
                """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""",
                1,
                "'a' twice"
            },
            { """{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1, "'dtype' twice" },
            { """{"__metadata__":{},"__metadata__":{}}""", 0, "'__metadata__' twice" },
            { """{"__metadata__":{"k":"1","k":"2"}}""", 0, "'k' twice" },
            { """{"a":{"shape":[1],"data_offsets":[0,1]}}""", 1, "lacks dtype" },
            { """{"a":{"dtype":"U8","data_offsets":[0,1]}}""", 1, "lacks shape" },
            { """{"a":{"dtype":"U8","shape":[1]}}""", 1, "lacks data_offsets" },
            // types
            { """{"a":7}""", 0, "'a' should be an object, but is 7" },
            { """{"a":null}""", 0, "'a' should be an object, but is null" },
            { """{"__metadata__":"pt"}""", 0, "should be an object, but is the text 'pt'" },
            { """{"__metadata__":{"k":1}}""", 0, "should be a string, but is 1" },
            { """{"a":{"dtype":8,"shape":[1],"data_offsets":[0,1]}}""", 1, "should be a string, but is 8" },
            { """{"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}}""", 1, "should be an array of numbers, but is 1" },
            {
                """{"a":{"dtype":"U8","shape":[1],"data_offsets":{}}}""",
                1,
                "should be an array of numbers, but is an object"
            },
            { """{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}""", 1, "holds the text '1'" },
            { """{"a":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}}""", 1, "holds an array" },
            { """{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}""", 1, "holds 1.0" },
            { """{"a":{"dtype":"U8","shape":[true],"data_offsets":[0,1]}}""", 1, "holds true" },
            // element types
            { """{"a":{"dtype":"U128","shape":[1],"data_offsets":[0,16]}}""", 16, "should be one of I64, F64" },
            { """{"a":{"dtype":"U64","shape":[2],"data_offsets":[0,8]}}""", 8, "takes 16 bytes" },
            { """{"a":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,4]}}""", 4, "takes 3 bytes" },
            { """{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}""", 4, "but is f32" },
            // shapes
            { """{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}""", 1, "holds -1" },
            { """{"a":{"dtype":"U8","shape":[-1,-1],"data_offsets":[0,1]}}""", 1, "holds -1" },
            {
                """{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}}""",
                1,
                "holds 9223372036854775808"
            },
            {
                """{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""",
                0,
                "larger than any memory"
            },
            {
                """{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}""",
                0,
                "larger than any memory"
            },
            {
                """{"a":{"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}""",
                0,
                "larger than any memory"
            },
            { """{"a":{"dtype":"U8","shape":[1099511627776],"data_offsets":[0,1099511627776]}}""", 4, "truncated" },
            // offsets
            { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,3]}}""", 3, "takes 4 bytes" },
            { """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,5]}}""", 5, "takes 4 bytes" },
            { """{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}""", 1, "begin <= end" },
            { """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}""", 1, "[begin, end]" },
            { """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}""", 1, "[begin, end]" },
            { """{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}""", 1, "holds -1" },
            {
                """{"a":{"dtype":"U8","shape":[1],"data_offsets":[18446744073709551615,0]}}""",
                1,
                "holds 18446744073709551615"
            },
            // coverage
            {
                """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""",
                3,
                "overlaps 'a'"
            },
            {
                """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""",
                2,
                "overlaps 'a'"
            },
            {
                """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}""",
                2,
                "overlaps 'a'"
            },
            {
                """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}""",
                3,
                "the bytes between belong to no tensor"
            },
            { """{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", 2, "the bytes between belong to no tensor" },
            { """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 1, "truncated" },
            { """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 3, ": 1 bytes too many" },
            { "{}", 1, ": 1 bytes too many" },
        };
}
