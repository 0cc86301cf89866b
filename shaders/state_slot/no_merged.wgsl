fn merged_save(place: Place, merged: PartialState) {}
