//! YAML events with byte spans, raw scalars and splices; types nothing.
