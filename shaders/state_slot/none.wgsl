fn state_save(place: Place, row: Row, all: Summary) {}
