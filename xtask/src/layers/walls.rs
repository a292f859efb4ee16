//! The walls as data: docs/explanation/architecture.md says why they are where they are.

/// A package of ours and the packages of ours that it may use.
pub(super) struct Wall {
    pub(super) package: &'static str,
    pub(super) may_use: &'static [&'static str],
}

const fn wall(package: &'static str, may_use: &'static [&'static str]) -> Wall {
    Wall { package, may_use }
}

/// Every package that ships, bottom up. What tests and xtask use is their own business.
pub(super) const WALLS: &[Wall] = &[
    wall("lockstep-secret", &[]),
    wall("lockstep-names", &[]),
    wall("lockstep-yaml", &[]),
    wall("lockstep-sops", &["lockstep-secret", "lockstep-yaml"]),
    wall("lockstep-age", &["lockstep-secret", "lockstep-sops"]),
    wall(
        "lockstep-rules",
        &["lockstep-names", "lockstep-sops", "lockstep-yaml"],
    ),
    wall("lockstep-git", &["lockstep-names", "lockstep-secret"]),
    wall(
        "lockstep-repo",
        &[
            "lockstep-age",
            "lockstep-git",
            "lockstep-names",
            "lockstep-rules",
            "lockstep-secret",
            "lockstep-sops",
            "lockstep-yaml",
        ],
    ),
    wall(
        "lockstep-manifests",
        &[
            "lockstep-names",
            "lockstep-secret",
            "lockstep-sops",
            "lockstep-yaml",
        ],
    ),
    wall("lockstep-api", &["lockstep-names"]),
    wall(
        "lockstep-apply",
        &["lockstep-manifests", "lockstep-names", "lockstep-secret"],
    ),
    wall(
        "lockstep",
        &[
            "lockstep-age",
            "lockstep-names",
            "lockstep-repo",
            "lockstep-rules",
            "lockstep-secret",
            "lockstep-sops",
        ],
    ),
    wall(
        "lockstep-operator",
        &[
            "lockstep-age",
            "lockstep-api",
            "lockstep-apply",
            "lockstep-git",
            "lockstep-manifests",
            "lockstep-names",
            "lockstep-secret",
            "lockstep-sops",
        ],
    ),
];

/// Packages that read no clock, no environment, no files and no network: all of it is an argument.
pub(super) const PURE: &[&str] = &[
    "lockstep-age",
    "lockstep-api",
    "lockstep-manifests",
    "lockstep-names",
    "lockstep-rules",
    "lockstep-secret",
    "lockstep-sops",
    "lockstep-yaml",
];

/// A package of others and the packages of ours that may name it as a dependency.
pub(super) struct Owned {
    pub(super) package: &'static str,
    /// Only uses that turn this feature on count; empty: every use.
    pub(super) feature: &'static str,
    pub(super) owners: &'static [&'static str],
}

const fn owned(package: &'static str, owners: &'static [&'static str]) -> Owned {
    Owned {
        package,
        feature: "",
        owners,
    }
}

/// What each wall keeps inside.
pub(super) const OWNED: &[Owned] = &[
    owned("granit-parser", &["lockstep-yaml"]),
    owned("aes-gcm", &["lockstep-sops"]),
    owned("sha2", &["lockstep-sops"]),
    owned("age", &["lockstep-age"]),
    owned("gix", &["lockstep-git"]),
    owned("reqwest", &["lockstep-git"]),
    owned(
        "kube",
        &["lockstep-api", "lockstep-apply", "lockstep-operator"],
    ),
    Owned {
        package: "kube",
        feature: "client",
        owners: &["lockstep-apply", "lockstep-operator"],
    },
    Owned {
        package: "kube",
        feature: "runtime",
        owners: &["lockstep-operator"],
    },
    owned("clap", &["lockstep", "lockstep-operator", "xtask"]),
    owned("anyhow", &["lockstep-testbed", "lockstep-e2e", "xtask"]),
];

/// Packages that may not be in the lock file: ring is the one TLS provider, rustls the one TLS.
pub(super) const BANNED: &[&str] = &[
    "aws-lc-rs",
    "aws-lc-sys",
    "boring-sys",
    "native-tls",
    "openssl",
    "openssl-sys",
];

/// A program of ours and the packages that must not be linked into it.
pub(super) struct Program {
    pub(super) package: &'static str,
    pub(super) without: &'static [&'static str],
}

/// Cargo unifies features within one build, so what a program links is asked of cargo, per program.
pub(super) const PROGRAMS: &[Program] = &[
    Program {
        package: "lockstep",
        without: &["kube-client", "reqwest", "rustls", "tokio"],
    },
    Program {
        package: "lockstep-operator",
        without: &["clap_complete", "lockstep-rules"],
    },
];

/// What a pure package's source may not say.
pub(super) const IMPURE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "tokio::",
];

/// Module names that say nothing about what is inside.
pub(super) const NAMELESS: &[&str] = &[
    "common", "commons", "core", "helper", "helpers", "manager", "misc", "mod", "shared", "types",
    "util", "utils",
];

/// Lines a file may have, its own tests included.
pub(super) const FILE_LINES: usize = 400;

/// Lines a program's `main.rs` may have: parse, set up, run, map to an exit code.
pub(super) const MAIN_LINES: usize = 60;
