"""What the store holds, written to one file: for maps (GeoJSON, GeoPackage), or for the centre by hand (bundle)."""
