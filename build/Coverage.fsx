/// Which lines of the libraries are run by the tests of the core and of the facade.
module Coverage

#load "Shell.fsx"

open Shell

/// Of each library, in percent.
let private floor = 93

let private core = "tests/Properties/Core"
let private facade = "tests/Properties/CSharp"

let private folder = under "artifacts/coverage"

/// An option of coverlet that names a file.
let private file (option: string) (name: string) : string = $"-p:{option}={folder}/{name}"

let private build (project: string) () : int = dotnet [ "build"; project; "-c"; "Release"; "--nologo" ]

/// In few cases of each law: more run the same lines.
let private run (arguments: string list) : int =
    let measured = [ "-p:CollectCoverage=true"; "-p:Include=[Parametrize.*]*" ]
    // What a process has counted it writes when it ends, and the test platform would end it after 100 ms.
    let patience = "VSTEST_TESTHOST_SHUTDOWN_TIMEOUT", "60000"
    dotnetBeside [ collectEvery "10000000"; "PARAMETRIZE_CASES", "3"; patience ] (arguments @ measured)

let private runCore () : int =
    run
        [
            "msbuild"
            core
            "-t:Cover"
            "-p:Configuration=Release"
            "-nologo"
            file "CoverletOutput" "core.json"
        ]

/// Adds what the tests of the core have run.
let private runFacade () : int =
    let tests = [ "test"; facade; "--no-build"; "-c"; "Release" ]
    let both = [ file "MergeWith" "core.json"; file "CoverletOutput" "both" ]
    let limits = [ $"-p:Threshold={floor}"; "-p:ThresholdType=line" ]
    run (tests @ both @ limits @ [ "-p:CoverletOutputFormat=cobertura" ])

/// A table by assembly; an error where one is under the floor. Nothing else may use what was built meanwhile.
let measure () : int = inOrder [ build core; build facade; runCore; runFacade ]
